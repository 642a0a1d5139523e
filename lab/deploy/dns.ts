import { CloudFormationClient, paginateListExports } from '@aws-sdk/client-cloudformation';
import {
  ChangeResourceRecordSetsCommand,
  CreateHealthCheckCommand,
  type HealthCheckConfig,
  ListHostedZonesByNameCommand,
  type ResourceRecordSet,
  Route53Client,
} from '@aws-sdk/client-route-53';
import type { Gateway } from '../gateway/gateway.ts';
import { resourcesOf, type Stack, type Template } from './assembly.ts';
import { labClient } from './client.ts';
import { resolve, type Scope } from './intrinsics.ts';

const HEALTH_CHECK = 'AWS::Route53::HealthCheck';
const RECORD_SET = 'AWS::Route53::RecordSet';

/** Must this stack be applied through the Route 53 API? The engine's CloudFormation makes no health checks. */
export function isDns(template: Template): boolean {
  return resourcesOf(template, HEALTH_CHECK).length > 0;
}

interface RecordSetProperties extends Omit<ResourceRecordSet, 'TTL' | 'ResourceRecords'> {
  HostedZoneId?: string;
  HostedZoneName?: string;
  TTL?: string;
  ResourceRecords?: string[];
}

/** Apply a DNS stack as CloudFormation would: health checks, then the records that name them. Returns what was made. */
export async function applyDns(gateway: Gateway, account: string, stack: Stack): Promise<string[]> {
  const client = new Route53Client(labClient(gateway, stack.region));
  const healthChecks = new Map<string, string>();
  const exports = await exportsOf(gateway, stack);
  const pseudo: Record<string, string> = {
    'AWS::Region': stack.region,
    'AWS::AccountId': account,
    'AWS::Partition': 'aws',
    'AWS::StackName': stack.name,
  };
  const scope: Scope = {
    ref: (name) => pseudo[name] ?? healthChecks.get(name),
    attribute: (resource, name) => (name === 'HealthCheckId' ? healthChecks.get(resource) : undefined),
    exported: (name) => exports.get(name),
  };
  const made: string[] = [];
  try {
    for (const [id, { Properties }] of resourcesOf(stack.template, HEALTH_CHECK)) {
      const { HealthCheckConfig: config } = resolve(Properties, scope) as { HealthCheckConfig: HealthCheckConfig };
      const CallerReference = `${stack.name}-${id}-${Date.now()}`;
      const { HealthCheck } = await client.send(new CreateHealthCheckCommand({ CallerReference, HealthCheckConfig: config }));
      healthChecks.set(id, HealthCheck?.Id ?? '');
      made.push(`${id} (${HEALTH_CHECK})`);
    }
    for (const [id, { Properties }] of resourcesOf(stack.template, RECORD_SET)) {
      await upsert(client, resolve(Properties, scope) as RecordSetProperties);
      made.push(`${id} (${RECORD_SET})`);
    }
  } finally {
    client.destroy();
  }
  return made;
}

async function upsert(client: Route53Client, properties: RecordSetProperties): Promise<void> {
  const { HostedZoneId, HostedZoneName, TTL, ResourceRecords, ...record } = properties;
  const zone = HostedZoneId ?? (await zoneOf(client, HostedZoneName ?? ''));
  const ResourceRecordSet: ResourceRecordSet = {
    ...record,
    ...(TTL !== undefined && { TTL: Number(TTL) }),
    ...(ResourceRecords && { ResourceRecords: ResourceRecords.map((Value) => ({ Value })) }),
  };
  const ChangeBatch = { Changes: [{ Action: 'UPSERT' as const, ResourceRecordSet }] };
  await client.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zone, ChangeBatch }));
}

async function zoneOf(client: Route53Client, name: string): Promise<string> {
  const { HostedZones } = await client.send(new ListHostedZonesByNameCommand({ DNSName: name, MaxItems: 1 }));
  const zone = HostedZones?.find((candidate) => candidate.Name === name);
  if (!zone?.Id)
    throw new Error(`There is no hosted zone ${name}: create it before the deployment, as it belongs to the workload's owner.`);
  return zone.Id.replace('/hostedzone/', '');
}

async function exportsOf(gateway: Gateway, stack: Stack): Promise<Map<string, string>> {
  const client = new CloudFormationClient(labClient(gateway, stack.region));
  const exports = new Map<string, string>();
  try {
    for await (const page of paginateListExports({ client }, {})) {
      for (const { Name, Value } of page.Exports ?? []) if (Name && Value) exports.set(Name, Value);
    }
  } finally {
    client.destroy();
  }
  return exports;
}
