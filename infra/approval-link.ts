import { Annotations, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Foundation } from './foundation.ts';
import type { Right } from './rights.ts';
import { Step } from './step.ts';

/** What the public may take of the account's concurrency: a flood of this page must not keep a failover's functions from starting. */
const PUBLIC_CONCURRENCY = 5;

/** The page behind an approval's link, only where the environment asks for it: the one thing beside the beacon that the public reaches. */
export class ApprovalLink extends Construct {
  private readonly key: Key;
  private readonly alias: string;
  private readonly url: string;

  constructor(scope: Construct, id: string, foundation: Foundation) {
    super(scope, id);
    const { environment, rights, names } = foundation;
    this.alias = `alias/${names.prefix}-approval`;
    this.key = new Key(this, 'Key', {
      alias: this.alias,
      description: `Lifeboat ${environment.name}: signs the links of approvals; nobody can read it`,
      keySpec: KeySpec.HMAC_256,
      keyUsage: KeyUsage.GENERATE_VERIFY_MAC,
      removalPolicy: RemovalPolicy.DESTROY, // a link lives for hours
      pendingWindow: Duration.days(7),
    });
    const page = new Step(this, foundation, {
      step: 'failover/answer-approval',
      description: "Shows what a run asks, and takes a person's answer, once",
      timeoutSeconds: 15,
      memoryMb: 256,
      reservedConcurrency: PUBLIC_CONCURRENCY,
      rights: [rights.readIncidents(), rights.writeLedger('incident'), rights.answerTasks('failover'), this.mayVerify()],
      variables: { LIFEBOAT_APPROVAL_KEY: this.alias },
    });
    this.url = page.function.addFunctionUrl({ authType: FunctionUrlAuthType.NONE }).url;
    Annotations.of(this).addInfo(
      `failover.approvalLink opens a public page (function URL without a signature) in ${foundation.region}: who holds a link from a message can approve or refuse that run, once, until it expires. Nothing else answers there.`,
    );
  }

  /** What the asking step needs to make links. */
  get variables(): Record<string, string> {
    return { LIFEBOAT_APPROVAL_URL: this.url, LIFEBOAT_APPROVAL_KEY: this.alias };
  }

  maySign(): Right[] {
    return [this.mac('kms:GenerateMac')];
  }

  private mayVerify(): Right[] {
    return [this.mac('kms:VerifyMac')];
  }

  private mac(action: string): Right {
    return { statement: new PolicyStatement({ actions: [action], resources: [this.key.keyArn] }), wildcards: {} };
  }
}
