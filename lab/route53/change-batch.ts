import { type Change, InvalidChangeBatch, InvalidInput, NoSuchHealthCheck, type ResourceRecordSet } from '@aws-sdk/client-route-53';

/** What a hosted zone holds, by name, type and set identifier. */
export type Records = ReadonlyMap<string, ResourceRecordSet>;

/** Route 53 writes names in lower case and with the final dot. */
export const canonicalName = (name: string): string => `${name.toLowerCase().replace(/\.$/, '')}.`;

export const recordKey = ({ Name, Type, SetIdentifier }: ResourceRecordSet): string => `${Name}|${Type}|${SetIdentifier ?? ''}`;

/** The records after all changes, or an error with the reasons of all that are impossible: a batch is applied as a whole or not at all. */
export function applyChanges(zone: string, records: Records, changes: readonly Change[], isHealthCheck: (id: string) => boolean): Records {
  const result = new Map(records);
  const problems: string[] = [];
  for (const change of changes) {
    const record = normalize(change);
    if (record.HealthCheckId !== undefined && !isHealthCheck(record.HealthCheckId)) {
      throw new NoSuchHealthCheck({ message: `The specified health check ${record.HealthCheckId} does not exist.`, $metadata: {} });
    }
    const problem = outside(zone, record) ?? applyOne(result, change.Action!, record);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length === 0) problems.push(...conflicts(zone, result));
  if (problems.length > 0) throw new InvalidChangeBatch({ message: `[${problems.join(', ')}]`, messages: problems, $metadata: {} });
  return result;
}

function normalize(change: Change): ResourceRecordSet {
  const given = change.ResourceRecordSet;
  if (!given?.Name || !given.Type || !change.Action) throw invalid('Name, Type and Action are required', change);
  const record = { ...given, Name: canonicalName(given.Name) };
  if (record.AliasTarget?.DNSName) record.AliasTarget = { ...record.AliasTarget, DNSName: canonicalName(record.AliasTarget.DNSName) };
  const values = record.TTL !== undefined && (record.ResourceRecords?.length ?? 0) > 0;
  if (values === (record.AliasTarget !== undefined)) {
    throw invalid('Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]', change);
  }
  const unmodelled = ['Region', 'GeoLocation', 'MultiValueAnswer', 'CidrRoutingConfig', 'GeoProximityLocation'] as const;
  const found = unmodelled.find((policy) => record[policy] !== undefined);
  if (found !== undefined) throw invalid(`The lab does not model the routing policy ${found}`, change);
  if (isPolicy(record) !== (record.SetIdentifier !== undefined)) {
    throw invalid('SetIdentifier is required with, and only with, Weight or Failover', change);
  }
  if (record.Weight !== undefined && record.Failover !== undefined) throw invalid('Weight and Failover exclude each other', change);
  return record;
}

function invalid(reason: string, change: Change): InvalidInput {
  const { Name, Type, SetIdentifier } = change.ResourceRecordSet ?? {};
  const where = `Change with [Action=${change.Action}, Name=${Name}, Type=${Type}, SetIdentifier=${SetIdentifier ?? null}]`;
  return new InvalidInput({ message: `Invalid request: ${reason}, in ${where}`, $metadata: {} });
}

const isPolicy = (record: ResourceRecordSet): boolean => record.Weight !== undefined || record.Failover !== undefined;

function outside(zone: string, { Name }: ResourceRecordSet): string | undefined {
  const within = Name === zone || Name!.endsWith(`.${zone}`);
  return within ? undefined : `RRSet with DNS name ${Name} is not permitted in zone ${zone}`;
}

function applyOne(records: Map<string, ResourceRecordSet>, action: string, record: ResourceRecordSet): string | undefined {
  const key = recordKey(record);
  const existing = records.get(key);
  if (action === 'DELETE') {
    if (existing === undefined) return `Tried to delete resource record set ${label(record)} but it was not found`;
    if (!sameValues(existing, record)) {
      return `Tried to delete resource record set ${label(record)} but the values provided do not match the current values`;
    }
    records.delete(key);
    return undefined;
  }
  if (action === 'CREATE' && existing !== undefined) return `Tried to create resource record set ${label(record)} but it already exists`;
  records.set(key, record);
  return undefined;
}

function label({ Name, Type, SetIdentifier }: ResourceRecordSet): string {
  const identifier = SetIdentifier === undefined ? '' : `, set identifier='${SetIdentifier}'`;
  return `[name='${Name}', type='${Type}'${identifier}]`;
}

function sameValues(a: ResourceRecordSet, b: ResourceRecordSet): boolean {
  const values = (record: ResourceRecordSet) =>
    JSON.stringify([
      record.TTL,
      record.ResourceRecords?.map(({ Value }) => Value).sort(),
      record.AliasTarget?.DNSName,
      record.Weight,
      record.Failover,
      record.HealthCheckId,
    ]);
  return values(a) === values(b);
}

/** What may not stand beside each other in a zone. */
function conflicts(zone: string, records: Records): string[] {
  const problems: string[] = [];
  const sets = groupBy(records.values(), ({ Name, Type }) => `${Name}|${Type}`);
  const types = groupBy(records.values(), ({ Name }) => Name!);
  for (const [name, sameName] of types) {
    if (!sameName.some(({ Type }) => Type === 'CNAME')) continue;
    if (name === zone) problems.push(`RRSet of type CNAME with DNS name ${name} is not permitted at apex in zone ${zone}`);
    else if (sameName.some(({ Type }) => Type !== 'CNAME')) {
      problems.push(
        `RRSet of type CNAME with DNS name ${name} is not permitted as it conflicts with other records with the same DNS name in zone ${zone}`,
      );
    }
  }
  for (const set of sets.values()) problems.push(...mixedPolicies(set));
  return problems;
}

function mixedPolicies(set: ResourceRecordSet[]): string[] {
  const { Name, Type } = set[0]!;
  const kinds = new Set(set.map((record) => (record.Failover ? 'failover' : record.Weight === undefined ? 'simple' : 'weighted')));
  if (kinds.size > 1) return [`RRSet with DNS name ${Name}, type ${Type} mixes ${[...kinds].join(' and ')} records`];
  for (const role of ['PRIMARY', 'SECONDARY']) {
    const count = set.filter(({ Failover }) => Failover === role).length;
    if (count > 1) return [`RRSet with DNS name ${Name}, type ${Type} has more than one failover record of the role ${role}`];
  }
  return [];
}

function groupBy(records: Iterable<ResourceRecordSet>, key: (record: ResourceRecordSet) => string): Map<string, ResourceRecordSet[]> {
  const groups = new Map<string, ResourceRecordSet[]>();
  for (const record of records) groups.set(key(record), [...(groups.get(key(record)) ?? []), record]);
  return groups;
}
