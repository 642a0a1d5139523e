import { DescribeServicesCommand, ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { DescribeDBInstancesCommand, PromoteReadReplicaCommand, RDSClient } from '@aws-sdk/client-rds';
import { ChangeResourceRecordSetsCommand, ListHostedZonesCommand, Route53Client } from '@aws-sdk/client-route-53';
import type { AwsService, Region, Zone } from '../../../lab/types.ts';
import { PUBLIC_NAME } from '../../../lab/workload/provision.ts';
import type { World } from '../../../lab/world.ts';
import { until } from '../ecs/fixture.ts';

const WEST = 'us-west-2';
const ARN = `arn:aws:states:${WEST}:000000000000:execution:lifeboat-test-failover:one`;
const FUNCTION = 'lifeboat-test-recover';

/** Instead of Lifeboat: sees the blackout at once, promotes, scales, edits the DNS record, and tells it as a state machine would. */
export class StandIn {
  /** Broken on purpose: the run ends without having moved anything. */
  readonly idle: boolean;
  private endpoint: (zone: Zone) => string = () => '';
  private dnsEndpoint = '';
  private readonly history: object[] = [];
  private startedAt?: number;
  private stoppedAt?: number;

  constructor(options: { idle?: boolean } = {}) {
    this.idle = options.idle ?? false;
  }

  /** The states API of the one machine that there is. */
  readonly states: AwsService = async (call) => {
    const reply = (body: object) => ({
      status: 200,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: JSON.stringify(body),
    });
    const execution = {
      executionArn: ARN,
      name: 'one',
      status: this.stoppedAt ? 'SUCCEEDED' : 'RUNNING',
      startDate: (this.startedAt ?? 0) / 1_000,
      ...(this.stoppedAt ? { stopDate: this.stoppedAt / 1_000 } : {}),
    };
    const answers: Record<string, object> = {
      ListStateMachines: {
        stateMachines: [
          {
            stateMachineArn: `arn:aws:states:${call.region}:000000000000:stateMachine:lifeboat-test-failover`,
            name: 'lifeboat-test-failover',
          },
        ],
      },
      DescribeStateMachine: { definition: `"arn:aws:lambda:${call.region}:000000000000:function:${FUNCTION}"` },
      ListExecutions: { executions: this.startedAt && call.region === WEST ? [execution] : [] },
      DescribeExecution: { ...execution, input: '{}' },
      GetExecutionHistory: { events: this.history },
    };
    return reply(answers[call.action] ?? {});
  };

  async deploy(world: World, endpoint: (zone: Zone) => string, dnsEndpoint: string): Promise<void> {
    this.endpoint = endpoint;
    this.dnsEndpoint = dnsEndpoint;
    await this.point('orders.us-east-1.elb.amazonaws.com');
    // An observer of Lifeboat calls AWS from each region.
    for (const region of world.regions) await this.in(region, 'lifeboat-test-watch').rds.send(new DescribeDBInstancesCommand({}));
    world.onBlackout({ phase: 'control', dark: () => void this.recover(), light: () => {} });
  }

  private async recover(): Promise<void> {
    this.startedAt = Date.now();
    if (!this.idle) {
      const { rds, ecs } = this.in(WEST, FUNCTION);
      await this.state('Promote database', async () => {
        await rds.send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: 'orders-replica' }));
        const look = async () =>
          (await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: 'orders-replica' }))).DBInstances?.[0];
        await until(look, (one) => one?.DBInstanceStatus === 'available' && !one.ReadReplicaSourceDBInstanceIdentifier);
      });
      await this.state('Scale compute', async () => {
        await ecs.send(new UpdateServiceCommand({ cluster: 'orders', service: 'orders', desiredCount: 2 }));
        const look = async () => (await ecs.send(new DescribeServicesCommand({ cluster: 'orders', services: ['orders'] }))).services?.[0];
        await until(look, (one) => one?.events?.[0]?.message?.includes('steady state') ?? false);
      });
      await this.state('Shift traffic', () => this.point(`orders.${WEST}.elb.amazonaws.com`));
    }
    this.stoppedAt = Date.now();
  }

  private async state(name: string, work: () => Promise<unknown>): Promise<void> {
    this.history.push({
      id: this.history.length + 1,
      type: 'TaskStateEntered',
      timestamp: Date.now() / 1_000,
      stateEnteredEventDetails: { name },
    });
    await work();
    this.history.push({
      id: this.history.length + 1,
      type: 'TaskStateExited',
      timestamp: Date.now() / 1_000,
      stateExitedEventDetails: { name },
    });
  }

  private async point(target: string): Promise<void> {
    const dns = new Route53Client({
      region: WEST,
      endpoint: this.dnsEndpoint,
      credentials: { accessKeyId: 'dns', secretAccessKey: 'lab' },
    });
    const { HostedZones } = await dns.send(new ListHostedZonesCommand({}));
    const record = { Name: PUBLIC_NAME, Type: 'CNAME' as const, TTL: 1, ResourceRecords: [{ Value: target }] };
    const ChangeBatch = { Changes: [{ Action: 'UPSERT' as const, ResourceRecordSet: record }] };
    await dns.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: HostedZones?.[0]?.Id, ChangeBatch }));
    dns.destroy();
  }

  private in(region: Region, principal: string): { rds: RDSClient; ecs: ECSClient } {
    const settings = { region, endpoint: this.endpoint(region), credentials: { accessKeyId: principal, secretAccessKey: 'lab' } };
    return { rds: new RDSClient(settings), ecs: new ECSClient(settings) };
  }
}
