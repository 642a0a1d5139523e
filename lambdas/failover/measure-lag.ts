import { LagRefused, NotReady } from '../kit/errors.ts';
import type { Lag } from '../kit/incidents.ts';
import type { Lease } from '../kit/lease.ts';
import { type Environment, workloadOf } from '../kit/plan.ts';
import { type Base, defineStep, workloadRun } from '../kit/step.ts';
import { type DatabaseAdapter, databasesOf, type StandbyReading } from '../resources/database.ts';

type Decision = 'pass' | 'ask';

/**
 * The RPO gate. The lag is measured on the standby itself: the writer's last heartbeat that the ledger knows of, less the newest
 * heartbeat that the standby has replayed. Heartbeats come with each renewal, so the figure is good to one `renewEverySeconds`.
 * @throws LagRefused when the written policy refuses. NotReady while the standby does not answer.
 */
export const measureLag = defineStep({
  name: 'measure-lag',
  input: workloadRun,
  throws: [LagRefused, NotReady],
  build: ({ plan, now, sleep, site }) => ({
    databasesFor: (name: string) => databasesOf(workloadOf(plan, name), { plan, now, sleep }, site),
  }),
  run: async ({ workload: name, request }, { plan, site, ledger, incidents, databasesFor }) => {
    const { objectives } = workloadOf(plan, name);
    const lease = await ledger.lease(name);
    const lags = await Promise.all(databasesFor(name).map((database) => lagOf(database, lease, { plan, site })));
    const worst = worstOf(lags);
    const facts = { ...worst, objectiveSeconds: objectives.rpoSeconds };
    if (request.dryRun) return { ...facts, decision: 'pass' as const, would: whatGateWould(worst, objectives.rpoSeconds, plan) };
    await incidents.note(request.incident, name, { lag: worst });
    return { ...facts, decision: gate(worst, objectives.rpoSeconds, plan.failover) };
  },
});
export const handler = measureLag.handler;

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

const lagOf = async (database: DatabaseAdapter, lease: Lease | undefined, { plan, site }: Pick<Base, 'plan' | 'site'>): Promise<Lag> =>
  compare(await database.standby(), { writerBeatAt: lease?.heartbeatAt, holdsHere: lease?.holder === site }, plan);

/** Pure: what two heartbeats say. A standby far ahead of the ledger contradicts it, and a contradiction is no measurement. */
export const compare = (
  standby: StandbyReading,
  { writerBeatAt, holdsHere }: { writerBeatAt: number | undefined; holdsHere: boolean },
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
  const seconds = Math.round(writerBeatAt - standby.heartbeatAt) / 1000;
  const aheadAllowed = lease.ttlSeconds + lease.maxClockSkewSeconds;
  if (seconds < -aheadAllowed) return { kind: 'unknown', why: `the standby's heartbeat is ${-seconds} s newer than the ledger's` };
  return { kind: 'known', seconds: Math.max(0, seconds) };
};

const worstOf = (lags: readonly Lag[]): Lag =>
  lags.find(({ kind }) => kind === 'unknown') ?? {
    kind: 'known',
    seconds: Math.max(0, ...lags.map((lag) => (lag.kind === 'known' ? lag.seconds : 0))),
  };
