import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Environment, SiteName } from '../environments/schema.ts';
import { Backup, policiesOf } from './backup.ts';
import type { Bundles } from './bundle.ts';
import { Detection } from './detection.ts';
import { Evidence } from './evidence.ts';
import { Failover } from './failover.ts';
import { Foundation } from './foundation.ts';
import { Integrity, integrityPoliciesOf } from './integrity.ts';
import { LostRows } from './lost-rows.ts';
import { Repair } from './repair.ts';
import { Restore } from './restore.ts';
import { Verification } from './verification.ts';

export interface SiteStackProps extends StackProps {
  environment: Environment;
  bundles: Bundles;
  /** Folder of the state machines' texts. */
  definitions: string;
  /** The home role of the region, which says whose databases stand here. Who is active is in the lease. */
  site: SiteName;
}

/** Everything of one site; the same code in both. A site can only pull a workload to itself. */
export class SiteStack extends Stack {
  constructor(scope: Construct, id: string, props: SiteStackProps) {
    super(scope, id, props);
    const foundation = new Foundation(this, 'Foundation', props);
    new Evidence(this, 'Evidence', foundation);
    new Detection(this, 'Detection', foundation);
    new Failover(this, 'Failover', foundation, props.definitions);
    if (integrityPoliciesOf(props.environment).length > 0) new Integrity(this, 'Integrity', foundation);
    new LostRows(this, 'LostRows', foundation);
    if (policiesOf(props.environment).length === 0) return;
    new Backup(this, 'Backup', foundation, props.definitions);
    new Verification(this, 'Verification', foundation, props.definitions);
    new Restore(this, 'Restore', foundation, props.definitions);
    new Repair(this, 'Repair', foundation, props.definitions);
  }
}
