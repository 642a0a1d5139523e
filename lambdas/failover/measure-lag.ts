import { type AcceptedLoss, Approvals, type Approved } from '../kit/approvals.ts';
import { localCalls } from '../kit/clients.ts';
import { LagRefused, NotReady } from '../kit/errors.ts';
import type { Lag } from '../kit/incidents.ts';
import type { Lease } from '../kit/lease.ts';
import { type Environment, type Workload, workloadOf } from '../kit/plan.ts';
import { type Pledge, Pledges } from '../kit/pledges.ts';
import { type Base, defineStep, workloadRun } from '../kit/step.ts';
import { type DatabaseAdapter, databasesOf, type StandbyReading } from '../resources/database.ts';

/** `approved`: a person, or the written policy in his absence, was asked for this and nothing worse. */
type Decision = 'pass' | 'ask' | 'approved';

/** From the answer to here is a matter of seconds, of minutes where a run was stopped in between; what is older was said of another hour. */
const APPROVAL_HOLDS_MS = 900_000;

interface Services {
  pledges: Pick<Pledges, 'read'>;
  databasesFor: (workload: string) => DatabaseAdapter[];
}

/**
 * The RPO gate. The lag is measured on the standby itself, twice, against the writer's last heartbeat that the ledger knows of: by the
 * newest heartbeat that the standby has replayed, and by the commit time of the last transaction that its engine has replayed. The worse
 * counts, and a disagreement is written down. Heartbeats come with each renewal, so the figure is good to one `renewEverySeconds`. A
 * writer that may have written on without them (under this site's pledges, while the ledger was silent) is measured by the engine alone.
 * A loss over the objective that the written policy accepts is recorded as such.
 * @throws LagRefused when the written policy refuses. NotReady while the standby does not answer.
 */
export const measureLag = defineStep({
  name: 'measure-lag',
  input: workloadRun,
  throws: [LagRefused, NotReady],
  build: ({ plan, now, sleep, site, region }): Services => ({
    pledges: new Pledges(region, { limits: localCalls }),
    databasesFor: (name: string) => databasesOf(workloadOf(plan, name), { plan, now, sleep }, site),
  }),
  run: async ({ workload: name, request }, { plan, site, ledger, pledges, incidents, databasesFor, now }) => {
    const workload = workloadOf(plan, name);
    const objectiveSeconds = workload.objectives.rpoSeconds;
    const [lease, pledge] = await Promise.all([ledger.lease(name), pledges.read(name)]);
    const wroteUntil = lease && writtenUntil(lease, pledge, workload, plan);
    const worst = worstOf(await Promise.all(databasesFor(name).map((database) => lagOf(database, lease, { plan, site, wroteUntil }))));
    const facts = { ...worst, objectiveSeconds };
    if (request.dryRun) return { ...facts, decision: 'pass' as const, would: whatGateWould(worst, objectiveSeconds, plan) };
    await incidents.note(request.incident, name, { lag: worst });
    const within = { now: now(), withinMs: APPROVAL_HOLDS_MS };
    const approved = await new Approvals(ledger, incidents).approved(request.incident, name, within);
    const decision = afterApproval(gate(worst, objectiveSeconds, plan.failover), approved, worst, objectiveSeconds);
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

/**
 * Between a question and its answer an hour may pass, in which the writer wrote on. What was approved covers as much more as the objective
 * allows for; of a loss that grew beyond that a person is asked again. In nobody's place the policy accepts any loss that can be told.
 */
export const afterApproval = (decision: Decision, approved: Approved | undefined, lag: Lag, objectiveSeconds: number): Decision => {
  if (!approved) return decision;
  if (decision === 'pass') return 'approved';
  const { via, lag: asked } = approved;
  if (via === 'policy') return lag.kind === 'known' ? 'approved' : 'ask';
  if (asked?.kind === 'unknown') return 'approved';
  const most = Math.max(asked?.seconds ?? 0, objectiveSeconds) + objectiveSeconds;
  return lag.kind === 'known' && lag.seconds <= most ? 'approved' : 'ask';
};

/** A dry run walks on and says what the gate would have said. */
const whatGateWould = (lag: Lag, objectiveSeconds: number, plan: Environment): string => {
  try {
    return gate(lag, objectiveSeconds, plan.failover);
  } catch (error) {
    return `stop: ${(error as Error).message}`;
  }
};

/**
 * The last moment at which the holder is known to have got its right to write anew, epoch milliseconds. Its pledges bring no heartbeat
 * to the ledger. Neither does a guard that renews there and does not reach its database: where the lease is enforced inside, the right
 * ends with the `ttl` after the last heartbeat.
 */
const writtenUntil = (
  { expiresAt, heartbeatAt = 0 }: Lease,
  { until = 0 }: Pledge,
  { databases }: Workload,
  { lease }: Environment,
): number => {
  const ttlMs = lease.ttlSeconds * 1000;
  const endsInside = databases.every(({ enforcement }) => enforcement === 'database');
  const renewed = endsInside ? Math.min(expiresAt - ttlMs, heartbeatAt + ttlMs) : expiresAt - ttlMs;
  return Math.max(renewed, until - ttlMs);
};

/** The lag of one standby, as this site sees it now. */
export const lagOf = async (
  database: Pick<DatabaseAdapter, 'standby'>,
  lease: Lease | undefined,
  { plan, site, wroteUntil }: Pick<Base, 'plan' | 'site'> & { wroteUntil?: number },
): Promise<Lag> => {
  const writer = { writerBeatAt: lease?.heartbeatAt, epoch: lease?.epoch, holdsHere: lease?.holder === site, wroteUntil };
  return compare(await database.standby(), writer, plan);
};

/** What the ledger, and this site's pledge, say of the writer. Times are epoch milliseconds. */
interface Writer {
  writerBeatAt: number | undefined;
  epoch?: number;
  holdsHere: boolean;
  wroteUntil?: number;
}

/** Pure: what two heartbeats and the engine say. A standby far ahead of the ledger contradicts it, and a contradiction is no measurement. */
export const compare = (
  standby: StandbyReading,
  { writerBeatAt, epoch, holdsHere, wroteUntil = 0 }: Writer,
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
  // One heartbeat may fail. After a take, the lease's time is this site's own.
  const wroteOn = !holdsHere && wroteUntil - writerBeatAt > 2 * lease.renewEverySeconds * 1000;
  const silence = wroteOn ? `the writer may have written for ${secondsBetween(writerBeatAt, wroteUntil)} s after its last heartbeat` : '';
  if (wroteOn && standby.replayedAt === undefined) return { kind: 'unknown', why: `${silence}, and the engine does not tell what arrived` };
  const writerAt = wroteOn ? wroteUntil : writerBeatAt;
  const byEngine = standby.replayedAt === undefined ? undefined : Math.max(0, secondsBetween(standby.replayedAt, writerAt));
  const measures = wordsOf(Math.max(0, byHeartbeat), byEngine, standby, lease);
  return { kind: 'known', seconds: Math.max(0, byHeartbeat, byEngine ?? 0), measures: wroteOn ? `${measures}; ${silence}` : measures };
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
