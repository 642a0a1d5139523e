import { randomUUID } from 'node:crypto';
import {
  type Change,
  type CreateHostedZoneRequest,
  type HostedZone,
  HostedZoneAlreadyExists,
  HostedZoneNotEmpty,
  type ListResourceRecordSetsRequest,
  NoSuchHostedZone,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import { applyChanges, canonicalName, type Records, recordKey } from './change-batch.ts';

export const NAME_SERVERS = ['ns-1.awsdns-lab.net', 'ns-2.awsdns-lab.org'];
const DELEGATION_TTL_SECONDS = 172_800;
const SOA_TTL_SECONDS = 900;

interface Entry {
  zone: HostedZone & { Id: string; Name: string };
  records: Records;
}

/** The hosted zones and their records. */
export class Zones {
  private readonly entries = new Map<string, Entry>();

  create({ Name, CallerReference, HostedZoneConfig }: CreateHostedZoneRequest): HostedZone {
    if (this.list().some((zone) => zone.CallerReference === CallerReference)) {
      throw new HostedZoneAlreadyExists({ message: `A hosted zone exists with the caller reference ${CallerReference}.`, $metadata: {} });
    }
    const id = `Z${randomUUID().replaceAll('-', '').slice(0, 20).toUpperCase()}`;
    const zone = {
      Id: `/hostedzone/${id}`,
      Name: canonicalName(Name!),
      CallerReference,
      Config: { PrivateZone: false, ...HostedZoneConfig },
    };
    this.entries.set(id, { zone, records: new Map(delegation(zone.Name).map((record) => [recordKey(record), record])) });
    return this.get(id);
  }

  list(): HostedZone[] {
    return [...this.entries.values()].map(({ zone, records }) => ({ ...zone, ResourceRecordSetCount: records.size }));
  }

  get(id: string): HostedZone {
    const { zone, records } = this.entry(id);
    return { ...zone, ResourceRecordSetCount: records.size };
  }

  delete(id: string): void {
    const { zone, records } = this.entry(id);
    if (records.size > delegation(zone.Name).length) {
      throw new HostedZoneNotEmpty({ message: 'The specified hosted zone contains non-required resource record sets', $metadata: {} });
    }
    this.entries.delete(bare(id));
  }

  change(id: string, changes: readonly Change[], isHealthCheck: (id: string) => boolean): void {
    const entry = this.entry(id);
    entry.records = applyChanges(entry.zone.Name, entry.records, changes, isHealthCheck);
  }

  /** Records from a given one on, in Route 53's order: by the labels of the name from the last to the first. */
  page({ HostedZoneId, StartRecordName, StartRecordType, StartRecordIdentifier }: ListResourceRecordSetsRequest): ResourceRecordSet[] {
    const sorted = [...this.entry(HostedZoneId!).records.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
    if (StartRecordName === undefined) return sorted;
    const start = `${reversed(canonicalName(StartRecordName))}\0${StartRecordType ?? ''}\0${StartRecordIdentifier ?? ''}`;
    return sorted.filter((record) => order(record) >= start);
  }

  /** The records of the zone with the longest name that holds `name`. */
  zoneOf(name: string): readonly ResourceRecordSet[] | undefined {
    const holding = [...this.entries.values()].filter(({ zone }) => name === zone.Name || name.endsWith(`.${zone.Name}`));
    const longest = holding.sort((a, b) => b.zone.Name.length - a.zone.Name.length)[0];
    return longest === undefined ? undefined : [...longest.records.values()];
  }

  private entry(id: string): Entry {
    const entry = this.entries.get(bare(id));
    if (entry === undefined) throw new NoSuchHostedZone({ message: `No hosted zone found with ID: ${bare(id)}`, $metadata: {} });
    return entry;
  }
}

const bare = (id: string): string => id.replace(/^\/?hostedzone\//, '');
const reversed = (name: string): string => name.split('.').reverse().join('.');
const order = ({ Name, Type, SetIdentifier }: ResourceRecordSet): string => `${reversed(Name!)}\0${Type}\0${SetIdentifier ?? ''}`;

function delegation(Name: string): ResourceRecordSet[] {
  const soa = `${NAME_SERVERS[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400`;
  return [
    { Name, Type: 'NS', TTL: DELEGATION_TTL_SECONDS, ResourceRecords: NAME_SERVERS.map((server) => ({ Value: `${server}.` })) },
    { Name, Type: 'SOA', TTL: SOA_TTL_SECONDS, ResourceRecords: [{ Value: soa }] },
  ];
}
