import { Annotations, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { AttributeType, Billing, MultiRegionConsistency, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { risksOf } from '../environments/risks.ts';
import type { Environment } from '../environments/schema.ts';
import { Names } from './names.ts';

/**
 * The ledger: leases, incidents, queued work. One global table with a replica in each site; strongly consistent with the witness
 * as third vote where the environment says so. Who may write is decided here, so nothing in it ever expires by itself.
 */
export class LedgerStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps & { environment: Environment }) {
    super(scope, id, props);
    const { environment } = props;
    const { sites, witness, consistency } = environment;
    new TableV2(this, 'Ledger', {
      tableName: new Names(environment).ledger,
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billing: Billing.onDemand(),
      replicas: [{ region: sites.recovery.region }],
      ...(consistency === 'strong' && { multiRegionConsistency: MultiRegionConsistency.STRONG, witnessRegion: witness.region }),
      // DynamoDB's own key: with another, the lease would hang on the key service of each region.
      encryption: TableEncryptionV2.dynamoOwnedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.warnOfRisks(environment);
  }

  /** `cdk synth` says once for the environment and once for each workload what their choices leave open. */
  private warnOfRisks(environment: Environment): void {
    const { environment: shared, workloads } = risksOf(environment);
    if (shared) Annotations.of(this).addWarningV2('lifeboat:risk', shared);
    for (const [name, risk] of Object.entries(workloads)) Annotations.of(this).addWarningV2(`lifeboat:risk-${name}`, risk);
  }
}
