import { z } from 'zod';
import { type ProofName, proofNames } from '../../environments/backup.ts';
import { POINTS_PER_RUN } from '../../environments/run-size.ts';
import { hasCopyIn } from '../backup/lateness.ts';
import { InvalidRequest } from '../kit/errors.ts';
import type { Environment } from '../kit/plan.ts';
import { provenAt, type RecoveryPoint, RecoveryPoints } from '../kit/recovery-points.ts';
import { type Base, defineStep, parseInput } from '../kit/step.ts';
import type { PointReference } from './copies.ts';
import { Proofs, unprovenIn } from './proofs.ts';

const input = z.strictObject({
  execution: z.strictObject({ name: z.string().min(1), startedAt: z.iso.datetime({ offset: true }) }),
  /** What the person or the schedule gave, unchecked until here. */
  given: z.unknown(),
});

const given = z.strictObject({
  workloads: z.array(z.string()).min(1).optional(),
  database: z.string().optional(),
  /** Identifier of a recovery point, whatever was found of it before. */
  recoveryPoint: z.string().optional(),
  /** As that schedule would: `daily` all new ones, `weekly` and `monthly` the newest one on an instance of the source's size. */
  proof: z.enum(proofNames).optional(),
});

/**
 * The first state: which recovery points are proven. `{}` is valid: of each database the newest one with a copy in this site that did not
 * fail and is not proven in this site. What one run has no room for is left to the next: the database that was tried the longest ago comes
 * first, and what it keeps waiting for longer than a day is told as an overdue proof.
 * @throws InvalidRequest naming each wrong field.
 */
export const readVerificationRequest = defineStep({
  name: 'read-verification-request',
  input,
  throws: [],
  build: ({ ledger }) => ({ points: new RecoveryPoints(ledger), proofs: new Proofs(ledger) }),
  run: async ({ execution, given: raw }, services) => {
    const { plan, site, points } = services;
    const asked = parseInput(given, raw);
    const names = asked.workloads ?? plan.workloads.map(({ name }) => name);
    const unknown = names.filter((name) => !plan.workloads.some((workload) => workload.name === name));
    if (unknown.length > 0)
      throw new InvalidRequest(`workloads: ${unknown.join(', ')} unknown; known: ${plan.workloads.map(({ name }) => name).join(', ')}`);
    const databases = databasesOf(plan, names, asked.database);
    const found: Found[] = [];
    for (const { workload, name } of databases) {
      const here = (await points.list(workload, name)).filter((point) => hasCopyIn(point, site));
      const chosen = await chosenOf(here, workload, asked, services);
      if (chosen.length > 0)
        found.push({ points: chosen, triedAt: await lastTryOf(here, asked.proof, { workload, database: name }, services) });
    }
    if (asked.recoveryPoint && found.length === 0)
      throw new InvalidRequest(`recoveryPoint: '${asked.recoveryPoint}' has no copy in site '${site}'`);
    const chosen = inTurns(found)
      .slice(0, POINTS_PER_RUN)
      .map((point) => referenceTo(point, asked.proof));
    return { request: { run: execution.name, startedAt: new Date(execution.startedAt).toISOString() }, points: chosen };
  },
});
export const handler = readVerificationRequest.handler;

/** @throws InvalidRequest where none has a backup policy: a run that looked at nothing would count as a proof. */
const databasesOf = (plan: Environment, workloads: readonly string[], wanted: string | undefined): { workload: string; name: string }[] => {
  const known = plan.workloads
    .filter(({ name }) => workloads.includes(name))
    .flatMap((workload) => workload.databases.flatMap(({ name, backup }) => (backup ? [{ workload: workload.name, name }] : [])));
  const found = known.filter(({ name }) => (wanted ?? name) === name);
  if (found.length > 0) return found;
  const names = known.map(({ name }) => name).join(', ') || 'none';
  throw new InvalidRequest(
    `database: ${wanted ?? workloads.join(', ')} has no backup policy here; of ${workloads.join(', ')} have one: ${names}`,
  );
};

/** Of one database's points with a copy here, newest first. */
const chosenOf = async (
  here: readonly RecoveryPoint[],
  workload: string,
  { recoveryPoint, proof }: z.infer<typeof given>,
  { site, ledger, now }: Base,
): Promise<RecoveryPoint[]> => {
  if (recoveryPoint) return here.filter(({ id }) => id === recoveryPoint);
  // A failed one has had its proof; the newest other one is what a restore would take.
  const usable = here.filter(({ standing }) => standing !== 'failed');
  if (proof === 'weekly' || proof === 'monthly') return usable.slice(0, 1);
  const active = (await ledger.lease(workload))?.holder === site;
  if (proof === 'daily' && active) return unprovenIn(here, site, now());
  const isUnproven = (point: RecoveryPoint): boolean => !provenAt(point, site);
  return proof === 'daily' ? usable.slice(0, 1).filter(isUnproven) : usable.filter(isUnproven).slice(0, 1);
};

/**
 * What was chosen of one database, and when such a proof of it was last tried; before all times where it never was. Tried and not proven:
 * databases that nothing can prove would always be first, and the others never.
 */
interface Found {
  points: RecoveryPoint[];
  triedAt: string;
}

const lastTryOf = async (
  here: readonly RecoveryPoint[],
  proof: ProofName | undefined,
  { workload, database }: { workload: string; database: string },
  { site, region, proofs }: Base & { proofs: Proofs },
): Promise<string> => {
  if (proof === 'weekly' || proof === 'monthly')
    return (await proofs.list(workload, database)).find((each) => each.proof === proof)?.triedAt ?? '';
  // The other site's newer attempt hides the one made here, but not what it proved.
  const tries = here.flatMap((point) => [provenAt(point, site), point.verification?.region === region ? point.verification.at : undefined]);
  return tries.reduce<string>((last, at) => (at && at > last ? at : last), '');
};

/**
 * The newest of each database before the second of any, and those databases first that have waited longest: where a run has no room for
 * all, none is left without for good.
 */
const inTurns = (found: readonly Found[]): RecoveryPoint[] => {
  const waiting = [...found].sort((a, b) => (a.triedAt < b.triedAt ? -1 : Number(a.triedAt > b.triedAt)));
  const longest = Math.max(0, ...found.map(({ points }) => points.length));
  return Array.from({ length: longest }, (_, turn) => waiting.flatMap(({ points }) => points[turn] ?? [])).flat();
};

const referenceTo = ({ id, workload, database, dueAt }: RecoveryPoint, proof: ProofName | undefined): PointReference => ({
  id,
  workload,
  database,
  dueAt,
  ...(proof ? { proof } : {}),
});
