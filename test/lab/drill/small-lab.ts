import * as cloudwatch from '@aws-sdk/client-cloudwatch';
import { jsonRpcService } from '../../../lab/cloudwatch/json-rpc.ts';
import type { DrillLab, DrillLabOptions } from '../../../lab/drill/drill-lab.ts';
import { Owner } from '../../../lab/drill/run-drill.ts';
import { EcsService } from '../../../lab/ecs/ecs-service.ts';
import { Gateway } from '../../../lab/gateway/gateway.ts';
import { LabNetwork } from '../../../lab/network/network.ts';
import { Supervisor } from '../../../lab/process/supervisor.ts';
import { RdsService } from '../../../lab/rds/service.ts';
import { Route53Service } from '../../../lab/route53/service.ts';
import { World } from '../../../lab/world.ts';
import type { StandIn } from './stand-in.ts';

const REGIONS = ['us-east-1', 'us-west-2'];

/**
 * A lab of two regions with the real gateway, network, databases, containers and DNS, and instead of Lifeboat's deployment a stand-in of
 * a few lines: what is tested with it is the drill.
 */
export async function startSmallLab(options: DrillLabOptions, standIn: StandIn): Promise<DrillLab> {
  const owner = new Owner();
  const world = new World(REGIONS);
  const processes = owner.own(await Supervisor.start({ project: import.meta.dirname }));
  const network = owner.own(new LabNetwork({ world }));
  await network.start();
  const gateway = owner.own(new Gateway({ world, unreachable: 'reset' }));
  const stateDir = processes.folder;
  const durations = { react: 50, create: 20, createReplica: 20, backUp: 20, promote: 50 };
  const rds = owner.own(new RdsService({ world, network, processes, stateDir, accountId: '000000000000', durations }));
  const times = { healthIntervalMs: 100 };
  const ecs = owner.own(new EcsService({ world, processes, network, stateDir, images: await options.images(stateDir), times }));
  const dns = owner.own(new Route53Service({ network }));
  // The stand-in edits a DNS record, which no run of Lifeboat does: it gets a way to Route 53 that never goes dark.
  const aside = owner.own(new Gateway({ world: new World(REGIONS) }));
  aside.register('route53', dns.handle);
  await Promise.all([gateway.start(), aside.start(), dns.start()]);
  gateway.principals.set('OPERATOR', 'operator');
  gateway.register('rds', rds.handle);
  gateway.register('ecs', ecs.handle);
  gateway.register('route53', dns.handle);
  gateway.register('secretsmanager', async () => ({ status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: '{}' }));
  gateway.register('states', standIn.states);
  const MetricAlarms = [{ AlarmName: 'lifeboat-demo-orders-down', StateValue: 'OK', StateUpdatedTimestamp: new Date() }];
  const handlers = { DescribeAlarms: () => ({ MetricAlarms }) };
  gateway.register('monitoring', jsonRpcService({ sdk: cloudwatch, namespace: 'com.amazonaws.cloudwatch', handlers }));
  return {
    world,
    network,
    processes,
    folder: stateDir,
    dnsPort: dns.dnsPort,
    endpoint: (zone) => gateway.endpoint(zone),
    credentials: { accessKeyId: 'OPERATOR', secretAccessKey: 'lab' },
    vault: { account: '111111111111', credentials: { accessKeyId: 'VAULT', secretAccessKey: 'lab' } },
    deployVault: async () => {},
    calls: () => gateway.calls,
    rdsQuotas: { manualSnapshots: 100, instances: 40, copiesAtOnce: 20, replicatedBackups: 20 },
    isolate: (securityGroupId) => rds.isolate(securityGroupId),
    faults: gateway.faults,
    useOfRights: () => ({ used: [], unused: [] }),
    lifeboat: async () => {},
    deploy: () => standIn.deploy(world, (zone) => gateway.endpoint(zone), aside.endpoint('internet')),
    stop: () => owner.stop(),
  };
}
