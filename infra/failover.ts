import { Aws, CfnOutput, Fn } from 'aws-cdk-lib';
import { FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { ApprovalLink } from './approval-link.ts';
import { machineSteps } from './failover-steps.ts';
import type { Foundation } from './foundation.ts';
import { appended, type MachineStep } from './machine-step.ts';
import { longestWaits, runTimeoutSeconds } from './run-bounds.ts';
import { EveryMinute } from './schedule.ts';
import { Machine } from './state-machine.ts';
import { Step } from './step.ts';
import { pascalName, type StepName } from './steps.ts';
import { WorkloadAlarm } from './workload-alarm.ts';

/** A step of the machine runs in an outage only: what more memory saves in cold starts is worth more than what it costs. */
const RUN_MEMORY_MB = 512;
/** A region that comes and goes has this long until a person hears of it. */
const FENCE_PENDING_MINUTES = 15;
/**
 * What the public may take of the account's concurrency, which the guard and a failover's steps share: a flood of the beacon keeps none of
 * them from starting. For each workload 16 of Route 53's checkers ask once in 10 s, 1.6 requests a second. An answer takes some 20 ms, and
 * 1.6 s while the ledger hangs (two readings of 0.8 s): 2.6 at once. The rest is for cold starts, and for checkers that come together.
 */
const beaconConcurrency = (workloads: number): number => 10 + 3 * workloads;
/** What runs always. */
const IDLE_MEMORY_MB = 256;

/**
 * A site's means to pull a workload to itself: the steps, the machine that orders them, the reconciler, and in the recovery site the beacon
 * that Route 53 asks.
 */
export class Failover extends Construct {
  readonly machine: Machine;
  private readonly link?: ApprovalLink;

  constructor(
    scope: Construct,
    id: string,
    private readonly foundation: Foundation,
    definitions: string,
  ) {
    super(scope, id);
    if (foundation.environment.failover.approvalLink) this.link = new ApprovalLink(this, 'ApprovalLink', foundation);
    this.machine = new Machine(this, 'Machine', foundation, {
      name: 'failover',
      definitions,
      steps: this.createMachineSteps(),
      numbers: {
        RunTimeoutSeconds: runTimeoutSeconds(foundation.environment),
      },
      waits: longestWaits(foundation.environment),
      alarms: {
        failed: {
          impact: 'A failover run ended in failure: its workload is either still in its old site or between the two.',
          runbook: 'Failover run failed',
          notCovered: 'runs that never started',
        },
        timedOut: {
          impact: 'A failover run outlived its bound and was stopped: its workload may be between the two sites.',
          runbook: 'Failover run timed out',
          notCovered: 'runs that are slow but within the bound',
        },
        aborted: {
          impact: 'Somebody stopped a failover run: its workload may be between the two sites.',
          runbook: 'Failover run aborted',
          notCovered: 'runs that refused or gave up by themselves, which are recorded and told',
        },
      },
    });
    this.createReconciler();
    if (foundation.site === 'recovery') this.createBeacon();
  }

  private createMachineSteps(): Record<string, Step> {
    const { rights, names, region } = this.foundation;
    const evidence = { LIFEBOAT_EVIDENCE_BUCKET: names.evidenceBucket(region) };
    const create = (step: StepName, { needs, incident = appended, savesRecord, asksMachine, ...props }: MachineStep) => {
      const link = step === 'failover/ask-approval' ? this.link : undefined;
      return new Step(this, this.foundation, {
        step,
        memoryMb: RUN_MEMORY_MB,
        ...props,
        rights: [incident(rights), ...needs(rights), link?.maySign() ?? []],
        variables: { ...(savesRecord && evidence), ...(asksMachine && this.machineVariable), ...link?.variables },
      });
    };
    const entries = Object.entries(machineSteps) as [StepName, MachineStep][];
    return Object.fromEntries(entries.map(([step, props]) => [pascalName(step), create(step, props)]));
  }

  /** Its ARN as text: a reference would make the machine wait for its own steps, and they for it. */
  private get machineVariable(): Record<string, string> {
    const { names, region } = this.foundation;
    return { LIFEBOAT_MACHINE_ARN: names.arn('states', region, `stateMachine:${names.machine('failover')}`) };
  }

  private createReconciler(): void {
    const { rights } = this.foundation;
    const reconcile = new Step(this, this.foundation, {
      step: 'failover/reconcile-site',
      description: 'Brings a site that lost its role, or returned from an outage, to what the lease says',
      timeoutSeconds: 60,
      memoryMb: IDLE_MEMORY_MB,
      sql: true,
      usesKey: true,
      asynchronous: { retries: 0, maxAgeSeconds: 60 },
      variables: this.machineVariable,
      rights: [
        rights.readTimeline(),
        rights.updateLedger('lease'),
        rights.writeLedger('fence', 'incident'),
        rights.putInLedger('lost-rows'),
        rights.describeExecutions('failover'),
        rights.rebuildDatabases(),
        rights.isolateDatabases(),
        rights.putMetrics(),
        rights.publish(),
        rights.scaleCompute(),
        rights.readSecrets(),
      ],
    });
    new EveryMinute(this, 'ReconcileSchedule', this.foundation, reconcile);
    this.createFenceAlarms();
  }

  private createFenceAlarms(): void {
    for (const { name } of this.foundation.environment.workloads) {
      new WorkloadAlarm(this.foundation, {
        workload: name,
        suffix: 'fence-pending',
        metricName: 'pending_fences',
        evaluationPeriods: FENCE_PENDING_MINUTES,
        missing: 'notBreaching', // the site that serves says it each minute while it is so
        impact: `The old writer of '${name}' was not seen fenced since the move: clients that reach it may still try to write there.`,
        runbook: 'Fence pending',
        notCovered: 'a writer that nobody asked to fence',
      });
    }
  }

  /**
   * What the public can reach, and but for an approval's link the only thing. Route 53's checkers sign nothing, so its URL asks for no signature; its path holds
   * a token, it reads one field of one item, and it answers nothing but a status.
   */
  private createBeacon(): void {
    const { rights, names, environment } = this.foundation;
    const token = Fn.select(2, Fn.split('/', Aws.STACK_ID)); // the stack's own UUID: stable, and not to be guessed
    const beacon = new Step(this, this.foundation, {
      step: 'failover/answer-beacon',
      description: 'Answers 200 if and only if the lease says that the recovery site serves',
      timeoutSeconds: 5,
      memoryMb: IDLE_MEMORY_MB,
      reservedConcurrency: beaconConcurrency(environment.workloads.length),
      rights: [rights.readLeases()],
      variables: { LIFEBOAT_BEACON_TOKEN: token },
      tracesCallersOnly: true,
    });
    const url = beacon.function.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
    new CfnOutput(this, 'BeaconHost', { value: Fn.select(2, Fn.split('/', url.url)), exportName: names.beaconExport('host') });
    new CfnOutput(this, 'BeaconToken', { value: token, exportName: names.beaconExport('token') });
  }
}
