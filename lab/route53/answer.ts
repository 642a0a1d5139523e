import type { ResourceRecordSet } from '@aws-sdk/client-route-53';
import { canonicalName } from './change-batch.ts';

/** One record of an answer, as DNS carries it. */
export interface Answer {
  name: string;
  type: string;
  ttlSeconds: number;
  value: string;
}

export interface Resolution {
  rcode: 'NOERROR' | 'NXDOMAIN' | 'REFUSED';
  answers: Answer[];
}

/** What answers are made from. */
export interface Directory {
  /** The records of the zone with the longest matching name, or undefined where no zone holds the name. */
  zoneOf(name: string): readonly ResourceRecordSet[] | undefined;
  isHealthy(healthCheckId: string): boolean;
  random(): number;
}

const MAX_CHAIN = 8;
/** Alias answers have the target's TTL; load balancers and most others of AWS's targets have 60 s. */
const ALIAS_TTL_SECONDS = 60;

/**
 * The answer to a question for `type` at `name`. Names are the lab's addresses: an alias to a target outside the zones is answered
 * with the target's name, as a CNAME, where AWS would answer with its addresses.
 */
export function resolve(directory: Directory, name: string, type: string, depth = 0): Resolution {
  const records = directory.zoneOf(name);
  if (records === undefined) return { rcode: 'REFUSED', answers: [] };
  const here = records.filter(({ Name }) => Name === name);
  if (here.length === 0) {
    const hasChildren = records.some(({ Name }) => Name!.endsWith(`.${name}`));
    return { rcode: hasChildren ? 'NOERROR' : 'NXDOMAIN', answers: [] };
  }
  const chosen = select(directory, here, type, depth) ?? select(directory, here, 'CNAME', depth);
  if (chosen === undefined || depth >= MAX_CHAIN) return { rcode: 'NOERROR', answers: [] };
  if (chosen.AliasTarget !== undefined) return { rcode: 'NOERROR', answers: followAlias(directory, chosen, type, depth) };
  const answers = chosen.ResourceRecords!.map(({ Value }) => answer(name, chosen.Type!, chosen.TTL!, Value!));
  if (chosen.Type !== 'CNAME' || type === 'CNAME') return { rcode: 'NOERROR', answers };
  return { rcode: 'NOERROR', answers: [...answers, ...resolve(directory, canonicalName(answers[0]!.value), type, depth + 1).answers] };
}

const answer = (name: string, type: string, ttlSeconds: number, value: string): Answer => ({ name, type, ttlSeconds, value });

function followAlias(directory: Directory, record: ResourceRecordSet, type: string, depth: number): Answer[] {
  const target = record.AliasTarget!.DNSName!;
  if (directory.zoneOf(target) === undefined) return [answer(record.Name!, 'CNAME', ALIAS_TTL_SECONDS, target)];
  const { answers } = resolve(directory, target, type, depth + 1);
  return answers.map((found) => (found.name === target ? { ...found, name: record.Name! } : found));
}

/** The record set that Route 53 answers with, of those of one name and type. */
function select(directory: Directory, here: ResourceRecordSet[], type: string, depth: number): ResourceRecordSet | undefined {
  const set = here.filter((record) => record.Type === type);
  const isHealthy = (record: ResourceRecordSet) => recordIsHealthy(directory, record, depth);
  if (set[0]?.Failover !== undefined) return failover(set, isHealthy);
  if (set[0]?.Weight !== undefined) return weighted(set, isHealthy, directory.random);
  return set[0];
}

function recordIsHealthy(directory: Directory, record: ResourceRecordSet, depth: number): boolean {
  if (record.HealthCheckId !== undefined && !directory.isHealthy(record.HealthCheckId)) return false;
  if (!record.AliasTarget?.EvaluateTargetHealth || depth >= MAX_CHAIN) return true;
  const target = record.AliasTarget.DNSName!;
  const targets = directory.zoneOf(target)?.filter(({ Name, Type }) => Name === target && Type === record.Type) ?? [];
  return targets.length === 0 || targets.some((candidate) => recordIsHealthy(directory, candidate, depth + 1));
}

type IsHealthy = (record: ResourceRecordSet) => boolean;

/** Primary while it is healthy, else the secondary; the primary again where none is. */
export function failover(set: ResourceRecordSet[], isHealthy: IsHealthy): ResourceRecordSet | undefined {
  const primary = set.find(({ Failover }) => Failover === 'PRIMARY');
  const secondary = set.find(({ Failover }) => Failover === 'SECONDARY');
  if (primary !== undefined && isHealthy(primary)) return primary;
  if (secondary !== undefined && isHealthy(secondary)) return secondary;
  return primary ?? secondary;
}

/** By weight among the healthy; those of weight 0 only where no other is healthy; all of them where none is. */
export function weighted(set: ResourceRecordSet[], isHealthy: IsHealthy, random: () => number): ResourceRecordSet | undefined {
  const healthy = set.filter(isHealthy);
  const candidates = healthy.length > 0 ? healthy : set;
  const total = candidates.reduce((sum, { Weight }) => sum + Weight!, 0);
  if (total === 0) return candidates[Math.floor(random() * candidates.length)];
  let position = random() * total;
  return candidates.find(({ Weight }) => {
    position -= Weight!;
    return position < 0;
  });
}
