import { Fn, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnHealthCheck, CfnRecordSet } from 'aws-cdk-lib/aws-route53';
import type { Construct } from 'constructs';
import type { Environment, SiteName, Workload } from '../environments/schema.ts';
import { Names } from './names.ts';

/**
 * The public names. Each is a failover pair whose primary record goes away when the recovery site's beacon says that the recovery
 * site serves: moving traffic is writing the lease, and no call to Route 53 is ever needed for it. A beacon that does not answer
 * leaves the primary record in place.
 */
export class DnsStack extends Stack {
  private readonly plan: Environment;
  private readonly names: Names;

  constructor(scope: Construct, id: string, props: StackProps & { environment: Environment }) {
    super(scope, id, props);
    this.plan = props.environment;
    this.names = new Names(props.environment);
    for (const workload of props.environment.workloads) this.createPair(workload);
  }

  private createPair(workload: Workload): void {
    const beacon = this.createHealthCheck(workload);
    this.createRecord(workload, 'primary', beacon.attrHealthCheckId);
    this.createRecord(workload, 'recovery');
  }

  private createHealthCheck({ name }: Workload): CfnHealthCheck {
    const { checkIntervalSeconds, failureThreshold } = this.plan.dns;
    return new CfnHealthCheck(this, `${name}Beacon`, {
      healthCheckConfig: {
        type: 'HTTPS',
        fullyQualifiedDomainName: Fn.importValue(this.names.beaconExport('host')),
        port: 443,
        resourcePath: Fn.join('/', ['', name, Fn.importValue(this.names.beaconExport('token'))]),
        requestInterval: checkIntervalSeconds,
        failureThreshold,
        inverted: true,
        enableSni: true,
      },
      healthCheckTags: [{ key: 'Name', value: `${this.names.prefix}-${name}-beacon` }],
    });
  }

  private createRecord({ name, endpoint }: Workload, site: SiteName, healthCheckId?: string): void {
    const { hostedZone, publicName, targets } = endpoint;
    new CfnRecordSet(this, `${name}${site === 'primary' ? 'Primary' : 'Recovery'}`, {
      ...(hostedZone.id ? { hostedZoneId: hostedZone.id } : { hostedZoneName: `${hostedZone.name}.` }),
      name: publicName,
      type: 'CNAME',
      ttl: String(this.plan.dns.ttlSeconds),
      resourceRecords: [targets[site]],
      setIdentifier: `${this.names.prefix}-${name}-${site}`,
      failover: site === 'primary' ? 'PRIMARY' : 'SECONDARY',
      healthCheckId,
    });
  }
}
