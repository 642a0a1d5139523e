import { randomUUID } from 'node:crypto';
import * as sdk from '@aws-sdk/client-route-53';
import type { AwsService, Network, Stoppable } from '../types.ts';
import { type Directory, type Resolution, resolve } from './answer.ts';
import { canonicalName } from './change-batch.ts';
import { DnsServer } from './dns-server.ts';
import { HealthChecks } from './health-checks.ts';
import { type ProbeTimeouts, ROUTE53_TIMEOUTS } from './probe.ts';
import { restXmlService } from './rest-xml.ts';
import { NAME_SERVERS, Zones } from './zones.ts';

export interface Route53Options {
  network: Pick<Network, 'route'>;
  /** How long a second of a health check's interval lasts; 1000 unless a test is in a hurry. */
  secondMs?: number;
  timeouts?: ProbeTimeouts;
  /** In [0, 1), for weighted records. */
  random?: () => number;
}

const PAGE = 300;

/** Route 53: the API (control plane), and the health checkers and name server that go on without it (data plane). */
export class Route53Service implements Stoppable {
  readonly handle: AwsService;
  private readonly zones = new Zones();
  private readonly checks: HealthChecks;
  private readonly tags = new Map<string, sdk.Tag[]>();
  private readonly directory: Directory;
  private readonly dns = new DnsServer((name, type) => this.query(name, type));

  constructor({ network, secondMs = 1000, timeouts = ROUTE53_TIMEOUTS, random = Math.random }: Route53Options) {
    this.checks = new HealthChecks({ network, secondMs, timeouts });
    this.directory = { zoneOf: (name) => this.zones.zoneOf(name), isHealthy: (id) => this.checks.isHealthy(id), random };
    this.handle = restXmlService({
      sdk,
      xmlNamespace: 'https://route53.amazonaws.com/doc/2013-04-01/',
      serviceNamespace: 'com.amazonaws.route53',
      handlers: { ...this.zoneHandlers(), ...this.checkHandlers(), ...this.tagHandlers() },
    });
  }

  /** Starts the name server; health checks begin when they are created. */
  async start(): Promise<void> {
    await this.dns.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.dns.stop(), this.checks.stop()]);
  }

  /** The UDP port of the name server on loopback. */
  get dnsPort(): number {
    return this.dns.port;
  }

  /** What the name server would answer now, for example `query('orders.example.com', 'A')`. */
  query(name: string, type: string): Resolution {
    return resolve(this.directory, canonicalName(name), type);
  }

  /** The host that a public name leads to at this moment, or undefined where it leads nowhere. */
  async resolve(name: string): Promise<string | undefined> {
    return this.query(name, 'A').answers.at(-1)?.value.replace(/\.$/, '');
  }

  /** Is this health check healthy, as DNS sees it (inverted where it says so)? */
  isHealthy(healthCheckId: string): boolean {
    return this.checks.isHealthy(healthCheckId);
  }

  private zoneHandlers() {
    const { zones, checks } = this;
    const delegation = { DelegationSet: { NameServers: NAME_SERVERS } };
    return {
      CreateHostedZone: (input: sdk.CreateHostedZoneRequest): sdk.CreateHostedZoneResponse => {
        const HostedZone = zones.create(input);
        return { HostedZone, ChangeInfo: pending(), ...delegation, Location: `https://route53.amazonaws.com/2013-04-01${HostedZone.Id}` };
      },
      GetHostedZone: ({ Id }: sdk.GetHostedZoneRequest): sdk.GetHostedZoneResponse => ({ HostedZone: zones.get(Id!), ...delegation }),
      DeleteHostedZone: ({ Id }: sdk.DeleteHostedZoneRequest): sdk.DeleteHostedZoneResponse => {
        zones.delete(Id!);
        return { ChangeInfo: pending() };
      },
      ListHostedZones: ({ Marker }: sdk.ListHostedZonesRequest): sdk.ListHostedZonesResponse => {
        const { items, next } = paginate(zones.list(), ({ Id }) => Id!, Marker);
        return { HostedZones: items, Marker, NextMarker: next, IsTruncated: next !== undefined, MaxItems: PAGE };
      },
      ListHostedZonesByName: ({ DNSName, MaxItems }: sdk.ListHostedZonesByNameRequest): sdk.ListHostedZonesByNameResponse => {
        const sorted = zones.list().sort((a, b) => (byLabels(a.Name!) < byLabels(b.Name!) ? -1 : 1));
        const from = DNSName === undefined ? sorted : sorted.filter(({ Name }) => byLabels(Name!) >= byLabels(canonicalName(DNSName)));
        const limit = MaxItems ?? PAGE;
        return { HostedZones: from.slice(0, limit), DNSName, IsTruncated: from.length > limit, MaxItems: limit };
      },
      ChangeResourceRecordSets: ({
        HostedZoneId,
        ChangeBatch,
      }: sdk.ChangeResourceRecordSetsRequest): sdk.ChangeResourceRecordSetsResponse => {
        zones.change(HostedZoneId!, ChangeBatch!.Changes!, (id) => checks.has(id));
        return { ChangeInfo: { ...pending(), Comment: ChangeBatch!.Comment } };
      },
      ListResourceRecordSets: (input: sdk.ListResourceRecordSetsRequest): sdk.ListResourceRecordSetsResponse => {
        const records = zones.page(input);
        const limit = input.MaxItems ?? PAGE;
        const next = records[limit];
        const cursor = { NextRecordName: next?.Name, NextRecordType: next?.Type, NextRecordIdentifier: next?.SetIdentifier };
        return { ResourceRecordSets: records.slice(0, limit), IsTruncated: next !== undefined, MaxItems: limit, ...cursor };
      },
      TestDNSAnswer: ({ RecordName, RecordType }: sdk.TestDNSAnswerRequest): sdk.TestDNSAnswerResponse => {
        const { rcode, answers } = this.query(RecordName!, RecordType!);
        const RecordData = answers.map(({ value }) => value);
        return { Nameserver: NAME_SERVERS[0], RecordName, RecordType, RecordData, ResponseCode: rcode, Protocol: 'UDP' };
      },
      // Changes reach every name server at once here; on AWS within a minute.
      GetChange: ({ Id }: sdk.GetChangeRequest): sdk.GetChangeResponse => ({ ChangeInfo: { ...pending(), Id, Status: 'INSYNC' } }),
    };
  }

  private checkHandlers() {
    const { checks } = this;
    return {
      CreateHealthCheck: (input: sdk.CreateHealthCheckRequest): sdk.CreateHealthCheckResponse => {
        const HealthCheck = checks.create(input);
        return { HealthCheck, Location: `https://route53.amazonaws.com/2013-04-01/healthcheck/${HealthCheck.Id}` };
      },
      GetHealthCheck: ({ HealthCheckId }: sdk.GetHealthCheckRequest): sdk.GetHealthCheckResponse => ({
        HealthCheck: checks.get(HealthCheckId!),
      }),
      UpdateHealthCheck: async (input: sdk.UpdateHealthCheckRequest): Promise<sdk.UpdateHealthCheckResponse> => ({
        HealthCheck: await checks.update(input),
      }),
      DeleteHealthCheck: ({ HealthCheckId }: sdk.DeleteHealthCheckRequest): Promise<void> => checks.delete(HealthCheckId!),
      ListHealthChecks: ({ Marker, MaxItems }: sdk.ListHealthChecksRequest): sdk.ListHealthChecksResponse => {
        const { items, next } = paginate(checks.list(), ({ Id }) => Id!, Marker, MaxItems);
        return { HealthChecks: items, Marker: Marker ?? '', NextMarker: next, IsTruncated: next !== undefined, MaxItems: MaxItems ?? PAGE };
      },
      GetHealthCheckStatus: ({ HealthCheckId }: sdk.GetHealthCheckStatusRequest): sdk.GetHealthCheckStatusResponse => ({
        HealthCheckObservations: checks.observations(HealthCheckId!, 'last'),
      }),
      GetHealthCheckLastFailureReason: ({ HealthCheckId }: sdk.GetHealthCheckLastFailureReasonRequest) => ({
        HealthCheckObservations: checks.observations(HealthCheckId!, 'lastFailure'),
      }),
    };
  }

  private tagHandlers() {
    const { tags } = this;
    const key = (input: { ResourceType?: string; ResourceId?: string }): string => {
      if (input.ResourceType === 'healthcheck') this.checks.get(input.ResourceId!);
      else this.zones.get(input.ResourceId!);
      return `${input.ResourceType}/${input.ResourceId}`;
    };
    return {
      ChangeTagsForResource: (input: sdk.ChangeTagsForResourceRequest): void => {
        const changed = new Set([...(input.RemoveTagKeys ?? []), ...(input.AddTags ?? []).map(({ Key }) => Key)]);
        const kept = (tags.get(key(input)) ?? []).filter(({ Key }) => !changed.has(Key));
        tags.set(key(input), [...kept, ...(input.AddTags ?? [])]);
      },
      ListTagsForResource: (input: sdk.ListTagsForResourceRequest): sdk.ListTagsForResourceResponse => {
        const { ResourceType, ResourceId } = input;
        return { ResourceTagSet: { ResourceType, ResourceId, Tags: tags.get(key(input)) ?? [] } };
      },
    };
  }
}

function pending(): sdk.ChangeInfo {
  return { Id: `/change/C${randomUUID().replaceAll('-', '').slice(0, 13).toUpperCase()}`, Status: 'PENDING', SubmittedAt: new Date() };
}

const byLabels = (name: string): string => name.split('.').reverse().join('.');

/** The page that begins at the item whose identifier is `marker`, and the marker of the next. */
function paginate<T>(
  all: T[],
  id: (item: T) => string,
  marker: string | undefined,
  limit = PAGE,
): { items: T[]; next: string | undefined } {
  const start = marker
    ? Math.max(
        0,
        all.findIndex((item) => id(item) === marker),
      )
    : 0;
  const next = all[start + limit];
  return { items: all.slice(start, start + limit), next: next === undefined ? undefined : id(next) };
}
