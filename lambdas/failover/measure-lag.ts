import type { AcceptedLoss } from '../kit/approvals.ts';
import { LagRefused, NotReady } from '../kit/errors.ts';
import type { Lag } from '../kit/incidents.ts';
import type { Lease } from '../kit/lease.ts';
import { type Environment, workloadOf } from '../kit/plan.ts';
import { type Base, defineStep, workloadRun } from '../kit/step.ts';
import { type DatabaseAdapter, databasesOf, type StandbyReading } from '../resources/database.ts';

type Decision = 'pass' | 'ask';

/**
 * The RPO gate. The lag is measured on the standby itself, twice, against the writer's last heartbeat that the ledger knows of: by the
 * newest heartbeat that the standby has replayed, and by the commit time of the last transaction that its engine has replayed. The worse
 * counts, and a disagreement is written down. Heartbeats come with each renewal, so the figure is good to one `renewEverySeconds`.
 * A loss over the objective that the written policy accepts is recorded as such.
 * @throws LagRefused when the written policy refuses. NotReady while the standby does not answer.
 */
export const measureLag = defineStep({
  name: 'measure-lag',
  input: workloadRun,
  throws: [LagRefused, NotReady],
  build: ({ plan, now, sleep, site }) => ({
    databasesFor: (name: string) => databasesOf(workloadOf(plan, name), { plan, now, sleep }, site),
  }),
  run: async ({ workload: name, request }, { plan, site, ledger, incidents, databasesFor, now }) => {
    const objectiveSeconds = workloadOf(plan, name).objectives.rpoSeconds;
    const lease = await ledger.lease(name);
    const worst = worstOf(await Promise.all(databasesFor(name).map((database) => lagOf(database, lease, { plan, site }))));
    const facts = { ...worst, objectiveSeconds };
    if (request.dryRun) return { ...facts, decision: 'pass' as const, would: whatGateWould(worst, objectiveSeconds, plan) };
    await incidents.note(request.incident, name, { lag: worst });
    const decision = gate(worst, objectiveSeconds, plan.failover);
    if (decision === 'pass' && isOver(worst, objectiveSeconds))
      await incidents.note(request.incident, name, { acceptedLoss: acceptedByPolicy(worst, objectiveSeconds, now()) });
    return { ...facts, decision };
  },
});
export const handler = measureLag.handler;

const isOver = (lag: Lag, objectiveSeconds: number): boolean => lag.kind === 'unknown' || lag.seconds > objectiveSeconds;

const acceptedByPolicy = (lag: Lag, objectiveSeconds: number, now: number): AcceptedLoss => ({
  lag,
  objectiveSeconds,
  by: 'policy lagOverObjective: proceed',
  reason: 'the environment says so, before any outage',
  at: new Date(now).toISOString(),
});

/** @throws LagRefused where the policy says `refuse`. */
export const gate = (
  lag: Lag,
  objectiveSeconds: number,
  policy: Pick<Environment['failover'], 'lagOverObjective' | 'lagUnknown'>,
): Decision => {
  if (lag.kind === 'unknown') {
    if (policy.lagUnknown === 'refuse') throw new LagRefused(`lag cannot be read: ${lag.why}; policy lagUnknown is 'refuse'`);
    return 'ask';
  }
  if (lag.seconds <= objectiveSeconds) return 'pass';
  if (policy.lagOverObjective === 'refuse')
    throw new LagRefused(
      `the standby lags by ${lag.seconds} s, the objective is ${objectiveSeconds} s; policy lagOverObjective is 'refuse'`,
    );
  return policy.lagOverObjective === 'ask' ? 'ask' : 'pass';
};

/** A dry run walks on and says what the gate would have said. */
const whatGateWould = (lag: Lag, objectiveSeconds: number, plan: Environment): string => {
  try {
    return gate(lag, objectiveSeconds, plan.failover);
  } catch (error) {
    return `stop: ${(error as Error).message}`;
  }
};

/** The lag of one standby, as this site sees it now. */
export const lagOf = async (
  database: Pick<DatabaseAdapter, 'standby'>,
  lease: Lease | undefined,
  { plan, site }: Pick<Base, 'plan' | 'site'>,
): Promise<Lag> => {
  const writer = { writerBeatAt: lease?.heartbeatAt, epoch: lease?.epoch, holdsHere: lease?.holder === site };
  return compare(await database.standby(), writer, plan);
};

/** Pure: what two heartbeats and the engine say. A standby far ahead of the ledger contradicts it, and a contradiction is no measurement. */
export const compare = (
  standby: StandbyReading,
  { writerBeatAt, epoch, holdsHere }: { writerBeatAt: number | undefined; epoch?: number; holdsHere: boolean },
  { lease }: Pick<Environment, 'lease'>,
): Lag => {
  if (!standby.inRecovery) {
    // Promoted by an earlier try of this run; or the writer of an older epoch, not yet rebuilt, which lacks all that came after it.
    return holdsHere
      ? { kind: 'known', seconds: 0 }
      : { kind: 'unknown', why: 'the database here is no standby: it must be rebuilt first' };
  }
  if (!writerBeatAt) return { kind: 'unknown', why: 'the ledger knows no heartbeat of the writer' };
  if (standby.heartbeatAt === undefined) return { kind: 'unknown', why: 'the standby has no heartbeat row' };
  // Where a restore has replaced the writer, or a move has just made another one, its old standby is near in time and of another history.
  if (!holdsHere && epoch !== undefined && (standby.heartbeatEpoch ?? epoch) < epoch)
    return {
      kind: 'unknown',
      why: `the standby follows a writer of epoch ${standby.heartbeatEpoch}, and this is epoch ${epoch}: it must be rebuilt first`,
    };
  const byHeartbeat = secondsBetween(standby.heartbeatAt, writerBeatAt);
  const aheadAllowed = lease.ttlSeconds + lease.maxClockSkewSeconds;
  if (byHeartbeat < -aheadAllowed) return { kind: 'unknown', why: `the standby's heartbeat is ${-byHeartbeat} s newer than the ledger's` };
  const byEngine = standby.replayedAt === undefined ? undefined : Math.max(0, secondsBetween(standby.replayedAt, writerBeatAt));
  const measures = wordsOf(Math.max(0, byHeartbeat), byEngine, standby, lease);
  return { kind: 'known', seconds: Math.max(0, byHeartbeat, byEngine ?? 0), measures };
};

const secondsBetween = (from: number, to: number): number => Math.round(to - from) / 1000;

/** Both measures, and what they disagree about by more than the time between two heartbeats. */
const wordsOf = (
  heartbeat: number,
  engine: number | undefined,
  { receiver }: StandbyReading,
  { renewEverySeconds }: Environment['lease'],
): string => {
  const receiving = `receiver ${receiver ?? 'not running'}`;
  if (engine === undefined) return `heartbeat ${heartbeat} s; the engine has replayed no transaction since its start; ${receiving}`;
  const disagree = Math.abs(heartbeat - engine) > 2 * renewEverySeconds ? '; they disagree, the worse counts' : '';
  return `heartbeat ${heartbeat} s, engine ${engine} s; ${receiving}${disagree}`;
};

/** Of a workload's databases the one that lags most; one that is unknown outranks all. */
export const worstOf = (lags: readonly Lag[]): Lag =>
  lags.length === 0 ? { kind: 'known', seconds: 0 } : lags.reduce((worst, lag) => (rank(lag) > rank(worst) ? lag : worst));

const rank = (lag: Lag): number => (lag.kind === 'unknown' ? Number.POSITIVE_INFINITY : lag.seconds);
