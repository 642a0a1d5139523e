import type { Environment, Workload } from './schema.ts';

/** Seconds from the start of a CloudWatch high-resolution alarm's last period to its action: evaluated every 10 s. */
const ALARM_EVALUATION_SECONDS = 10;
/** Alarm action, starter and first state: a cold start each, of functions that are awake (`WAKING_SECONDS`). */
const START_SECONDS = 5;
/** Fresh probes, lag, fence outcome, take and verification, each a few seconds, by their timeouts' usual part. */
const DECISION_SECONDS = 15;
const VERIFICATION_SECONDS = 10;

/**
 * What promotion is assumed to take at least, by kind. AWS documents 'several minutes or longer' for a read replica and gives no
 * figure; 120 s is our planning assumption, not a promise of AWS.
 */
const PROMOTION_SECONDS: Record<Workload['databases'][number]['kind'], number> = { 'rds-postgres-replica': 120 };
/** A container service from zero: image pull, start and health checks; a planning assumption. */
const COMPUTE_SECONDS = 60;

/** A workload with nothing to promote or to scale still has an application that must answer. */
const LEAST_ACTIVATION_SECONDS = 30;

export interface Wait {
  what: string;
  seconds: number;
}

/** The waits of a failover at their longest, in order. Lease expiry runs while the outage is confirmed; only what outlasts it counts. */
export const waitsOf = (environment: Environment, workload: Workload): Wait[] => {
  const { detection, lease, dns } = environment;
  const detectionSeconds =
    detection.intervalSeconds + detection.probeTimeoutSeconds + detection.confirmationSeconds + ALARM_EVALUATION_SECONDS;
  const leaseSeconds = Math.max(0, lease.ttlSeconds + lease.maxClockSkewSeconds - detectionSeconds - START_SECONDS);
  const databaseSeconds = Math.max(0, ...workload.databases.map(({ kind }) => PROMOTION_SECONDS[kind]));
  const computeSeconds = workload.compute.length > 0 ? COMPUTE_SECONDS : 0;
  return [
    { what: 'detection (interval + probe timeout + confirmation + alarm evaluation)', seconds: detectionSeconds },
    { what: 'start of the run', seconds: START_SECONDS },
    { what: 'confirmation, lag, fence and lease', seconds: DECISION_SECONDS + leaseSeconds },
    { what: 'promotion and compute, in parallel', seconds: Math.max(databaseSeconds, computeSeconds) },
    { what: 'verification', seconds: VERIFICATION_SECONDS },
    { what: 'traffic (check interval x threshold + TTL)', seconds: dns.checkIntervalSeconds * dns.failureThreshold + dns.ttlSeconds },
  ];
};

export const totalSeconds = (waits: readonly Wait[]): number => waits.reduce((sum, wait) => sum + wait.seconds, 0);

/**
 * How long the machine waits for promotion and compute before it gives up and pages: what the RTO leaves after all other waits,
 * and once more as much, since after the point of no return stopping early helps nobody.
 */
export const activationBoundSeconds = (environment: Environment, workload: Workload): number => {
  const waits = waitsOf(environment, workload);
  const activation = waits.find(({ what }) => what.startsWith('promotion'))!.seconds;
  return Math.max(LEAST_ACTIVATION_SECONDS, 2 * (workload.objectives.rtoSeconds - (totalSeconds(waits) - activation)));
};

/** The states of a run that wait by asking again. */
export type WaitingStep =
  | 'OpenIncident'
  | 'MeasureLag'
  | 'FenceWriter'
  | 'TakeLease'
  | 'PromoteDatabase'
  | 'ScaleComputeFirst'
  | 'ScaleCompute'
  | 'VerifyApplication'
  | 'VerifyPublicName'
  | 'ReprotectDatabase';

/** A workload that others depend on was verified before their turn: its lease only has to be renewed once more. */
const DEPENDENCY_SECONDS = 30;
/** Replaying what was written before a planned stop, on a standby that was within its objective. */
const REPLAY_SECONDS = 30;
/** Switching backups on at the new writer; nothing waits for it but the record. */
const REPROTECT_SECONDS = 300;

/**
 * How long a run waits at most in each state, in seconds between tries. Before the point of no return a wait ends where more waiting
 * would not help; after it, where a person is needed.
 */
export const waitBoundsOf = (environment: Environment, workload: Workload): Record<WaitingStep, number> => {
  const { lease, dns } = environment;
  const activation = activationBoundSeconds(environment, workload);
  const traffic = dns.checkIntervalSeconds * dns.failureThreshold + dns.ttlSeconds;
  return {
    OpenIncident: DEPENDENCY_SECONDS,
    MeasureLag: DECISION_SECONDS,
    FenceWriter: 2 * lease.renewEverySeconds + lease.fenceLeadSeconds + REPLAY_SECONDS,
    TakeLease: lease.ttlSeconds + lease.maxClockSkewSeconds + lease.renewEverySeconds,
    PromoteDatabase: activation,
    ScaleComputeFirst: activation,
    ScaleCompute: activation,
    VerifyApplication: activation,
    VerifyPublicName: 2 * traffic + VERIFICATION_SECONDS,
    ReprotectDatabase: REPROTECT_SECONDS,
  };
};

/** The tasks' own time beside the waits: fifteen tries of 30 s. About fifteen tasks take a few seconds each, the rest is for a brown-out. */
const TASKS_SECONDS = 450;
/**
 * A function in a network that nobody called for weeks is put to sleep, and its first call waits until it is awake: some 90 s as reported,
 * and at most as long as a state's retrier for it, once a run. The RTO's sum leaves it out, since it counts on functions that are awake: a
 * dry switchover every week keeps them so. AWS, Lambda developer guide, 'Lambda function states', 2026-11.
 */
export const WAKING_SECONDS = 120;
/** Of a run's steps those that speak SQL: lag, fence and promotion. */
export const SLEEPERS = 3;

/**
 * How long one workload's part of a run can work: each try takes time too, at most as much again as the waits. Compute is scaled beside
 * the promotion, which waits as long; before a planned move alone.
 */
export const workBoundSeconds = (environment: Environment, workload: Workload): number => {
  const { ScaleCompute: _, ...inTurn } = waitBoundsOf(environment, workload);
  const waits = Object.values(inTurn).reduce((sum, seconds) => sum + seconds, 0);
  return 2 * waits + TASKS_SECONDS + SLEEPERS * WAKING_SECONDS;
};

/** After an answer the outage is confirmed and the lag measured once more: two tasks, at most their waits again. */
const AGAIN_SECONDS = 2 * DECISION_SECONDS + 60;

/** The longest that a question waits for a person: in the cool-down until its end, if that is later. */
export const longestAnswerSeconds = ({ failover }: Environment): number =>
  60 * Math.max(failover.approvalTimeoutMinutes, failover.policy === 'automatic' ? failover.cooldownMinutes : 0);

/** How long one workload's part of a run can take, a person's time included. */
export const runBoundSeconds = (environment: Environment, workload: Workload): number =>
  workBoundSeconds(environment, workload) + longestAnswerSeconds(environment) + AGAIN_SECONDS;
