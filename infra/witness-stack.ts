import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Environment } from '../environments/schema.ts';
import type { Bundles } from './bundle.ts';
import { Detection } from './detection.ts';
import { Foundation } from './foundation.ts';

/** The third region: it observes, and judges nothing. */
export class WitnessStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps & { environment: Environment; bundles: Bundles }) {
    super(scope, id, props);
    new Detection(this, 'Detection', new Foundation(this, 'Foundation', { environment: props.environment, bundles: props.bundles }));
  }
}
