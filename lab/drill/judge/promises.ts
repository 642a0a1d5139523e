import { callsOfRun } from './calls.ts';
import type { Findings } from './measure.ts';
import { phaseSeconds } from './phases.ts';

/** Something that a scenario promises: a sentence, and why it is broken where it is. */
export interface Promised {
  text: string;
  broken(findings: Findings): string | undefined;
}

const PHASE_SUM_TOLERANCE_SECONDS = 1;
const DENIED_SHOWN = 5;
const seconds = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(1)} s` : 'without end');

/** Writes are back in time, as the client saw it. */
export const outageWithin = (objectiveSeconds: number): Promised => ({
  text: `Writes are acknowledged again within ${objectiveSeconds} s`,
  broken: ({ outageSeconds }) =>
    outageSeconds <= objectiveSeconds ? undefined : `the outage lasted ${seconds(outageSeconds)}, over ${objectiveSeconds} s`,
});

/** There was something to recover from; a drill in which nothing broke proves nothing. */
export const wasInterrupted = (): Promised => ({
  text: 'The fault was felt: writes stopped',
  broken: ({ outage }) => (outage ? undefined : 'the client saw no interruption: the fault did not take effect'),
});

/** The same for a fault that is over before it counts as an interruption. */
export const wasFelt = (): Promised => ({
  text: 'The fault was felt: orders failed',
  broken: ({ evidence: { attempts, faultAt } }) =>
    attempts.some(({ acknowledged, sentAt, answeredAt }) => !acknowledged && (sentAt >= faultAt || answeredAt >= faultAt))
      ? undefined
      : 'no order failed: the fault did not take effect',
});

/** No more is lost than promised, and all of it is counted. */
export const lossWithin = (objectiveSeconds: number): Promised => ({
  text: objectiveSeconds === 0 ? 'No acknowledged order is lost' : `No more than ${objectiveSeconds} s of acknowledged orders are lost`,
  broken: ({ loss }) => {
    if (!loss.proven) return 'the active database could not be read: loss is unknown';
    if (loss.rowsAcknowledged === 0) return 'no order was ever acknowledged: nothing is proven';
    if (objectiveSeconds === 0 && loss.rowsLost > 0)
      return `${loss.rowsLost} acknowledged orders are lost, among them ${loss.lostIds.slice(0, 3).join(', ')}`;
    return loss.measuredSeconds <= objectiveSeconds ? undefined : `${loss.rowsLost} orders of ${seconds(loss.measuredSeconds)} are lost`;
  },
});

/** At no instant did both sites accept writes. */
export const oneWriter = (): Promised => ({
  text: 'Never more than one site accepted writes',
  broken: ({ overlap }) =>
    overlap.overlapSeconds > 0
      ? `two sites accepted writes for ${overlap.overlapSeconds.toFixed(3)} s (${overlap.overlappingWrites} writes)`
      : undefined,
});

/** The same from the whole history: every acknowledged write fits into it with as many handovers as there were moves. */
export const oneWriterAtATime = (): Promised => ({
  text: 'The history needs no more handovers than there were moves',
  broken: ({ handovers: { needed, moves } }) =>
    needed <= moves
      ? undefined
      : `the writes need ${needed} handovers between the sites, and there were ${moves} moves: two sites wrote at a time`,
});

/** Nothing is dropped silently: what the active database does not have is kept. */
export const everythingKept = (): Promised => ({
  text: 'Every acknowledged order is in the active database or in one that was kept',
  broken: ({ orders: { gone } }) =>
    gone.length === 0 ? undefined : `${gone.length} acknowledged orders are in no database, among them ${gone.slice(0, 3).join(', ')}`,
});

export const nothingInvented = (): Promised => ({
  text: 'No order is in a database that nobody sent',
  broken: ({ orders: { phantom } }) =>
    phantom.length === 0 ? undefined : `${phantom.length} orders that nobody sent, among them ${phantom.slice(0, 3).join(', ')}`,
});

/** What is not in the active database any more lies in the export, order by order, and was counted right: nothing more, nothing less. */
export const everyLossExported = (): Promised => ({
  text: 'The exported orders are exactly the acknowledged orders that the active database lacks, beside ones that were never answered',
  broken: ({ orders: { absent }, evidence: { exports, attempts, insiders } }) => {
    if (exports.every(({ searches }) => searches === 0)) return 'no former writer was searched';
    const exported = exports.flatMap((one) => one.orders);
    const counted = exports.reduce((sum, one) => sum + one.counted, 0);
    if (counted !== exported.length) return `${counted} orders were counted as lost, and ${exported.length} exported`;
    const inExport = new Set(exported);
    const missing = absent.filter((id) => !inExport.has(id));
    if (missing.length > 0) return `${missing.length} lost orders were not exported, among them ${missing.slice(0, 3).join(', ')}`;
    const expected = new Set([...absent, ...[...attempts, ...insiders].filter((one) => !one.acknowledged).map(({ id }) => id)]);
    const wrong = exported.filter((id) => !expected.has(id));
    return wrong.length === 0
      ? undefined
      : `${wrong.length} orders were exported that are not lost, among them ${wrong.slice(0, 3).join(', ')}`;
  },
});

/** Fenced by network: isolated, then rebooted, then renamed, and only after that given back its network; each accepted by RDS, in this order. */
export const isolatedUntilSetAside = (): Promised => ({
  text: 'The old writer was isolated and rebooted, and got its network back only when it stood aside',
  broken: ({ evidence: { calls, home } }) => {
    const accepted = calls.filter(({ service, region, status }) => service === 'rds' && region === home.primary && status === 200);
    const reboot = accepted.find(({ action }) => action === 'RebootDBInstance');
    if (!reboot) return 'the old writer was never rebooted';
    const changes = accepted.filter(({ action }) => action === 'ModifyDBInstance');
    const before = changes.filter(({ at }) => at < reboot.at).length;
    const after = changes.filter(({ at }) => at > reboot.at).length;
    if (before === 0) return 'it was rebooted without being isolated before';
    return after >= 2 ? undefined : `${after} changes followed the reboot: it was not both renamed and given back its network`;
  },
});

/** A search that had nothing to find proves nothing. */
export const somethingWasLost = (): Promised => ({
  text: 'Acknowledged orders were lost, so that there was something to find',
  broken: ({ orders: { absent } }) => (absent.length > 0 ? undefined : 'no acknowledged order was lost: the search was not tried'),
});

/** Single flight: of all runs that were started one did the work. */
export const oneRunSucceeded = (): Promised => ({
  text: 'Of all runs exactly one succeeded',
  broken: ({ evidence: { executions, faultAt } }) => {
    const good = executions.filter(({ status, startedAt }) => status === 'SUCCEEDED' && startedAt >= faultAt);
    return good.length === 1 ? undefined : `${good.length} runs succeeded of ${executions.length}`;
  },
});

/** Idempotence, seen from outside: what cannot be undone was accepted once. */
export const onlyOnce = (action: string): Promised => ({
  text: `${action} was accepted exactly once`,
  broken: ({ evidence }) => {
    const accepted = evidence.calls.filter((call) => call.action === action && call.status === 200).length;
    return accepted === 1 ? undefined : `${action} was accepted ${accepted} times`;
  },
});

/** A gate holds: nothing was promoted before this event of the timeline. */
export const notPromotedBefore = (event: string): Promised => ({
  text: `Nothing was promoted before: ${event}`,
  broken: ({ evidence: { calls, timeline } }) => {
    const at = timeline.find((one) => one.event === event)?.at;
    if (at === undefined) return `it never came to: ${event}`;
    const early = calls.find((call) => call.action === 'PromoteReadReplica' && call.at < at);
    return early ? `${early.principal} asked for a promotion ${seconds((at - early.at) / 1_000)} before` : undefined;
  },
});

const READS = /^(Describe|Get|List|Query|Scan|Head|BatchGet)/;

/** A dry run writes nothing: by the record of calls, not by its own word. */
export const dryRunsWroteNothing = (runs: number): Promised => ({
  text: `${runs} dry runs made no call that changes anything`,
  broken: ({ evidence: { executions, calls } }) => {
    const dry = executions.filter(({ input }) => (JSON.parse(input) as { dryRun?: boolean }).dryRun === true);
    const made = dry.flatMap((execution) => callsOfRun(calls, execution));
    if (dry.length !== runs || made.length === 0) return `${dry.length} dry runs with ${made.length} recorded calls: nothing is proven`;
    const writes = new Set(made.filter(({ action }) => !READS.test(action)).map(({ principal, action }) => `${principal} ${action}`));
    return writes.size === 0 ? undefined : `a dry run called ${[...writes].join(', ')}`;
  },
});

/** Who serves in the end. */
export const servedBy = (role: 'primary' | 'recovery'): Promised => ({
  text: `In the end the ${role} site serves`,
  broken: ({ activeSite, evidence }) =>
    activeSite === evidence.home[role]
      ? undefined
      : `the last order was acknowledged by ${activeSite ?? 'nobody'}, not ${evidence.home[role]}`,
});

/** Lifeboat's own run ended well. */
export const runSucceeded = (): Promised => ({
  text: 'The failover execution succeeded',
  broken: ({ execution }) => {
    if (!execution) return 'no failover execution was started';
    return execution.status === 'SUCCEEDED'
      ? undefined
      : `the failover execution is ${execution.status}${execution.cause ? `: ${execution.cause.slice(0, 200)}` : ''}`;
  },
});

/** Nothing was moved that need not move. */
export const noRun = (): Promised => ({
  text: 'No failover was started',
  broken: ({ execution }) => (execution ? `a failover was started in ${execution.region}: ${execution.name}` : undefined),
});

/** A real outage may start a run; one that came too late moves nothing. */
export const nothingTaken = (): Promised => ({
  text: 'No failover took the lease',
  broken: ({ execution }) =>
    execution?.states.some(({ name }) => name === 'Take lease')
      ? `a failover in ${execution.region} took the lease: ${execution.name}`
      : undefined,
});

/** Rule 4: the path needs nothing that may be dead. Held by every scenario, over all its runs. */
export const independent = (): Promised => ({
  text: 'No run needed anything from the failed region, nor from a control plane outside its own',
  broken: ({ calls, execution }) => {
    const needed = calls.toFailedRegion + calls.toForeignControlPlane;
    // One that an alarm began as the drill ended has only read its request.
    const hasBegun = execution?.states.some(({ name, works }) => works && name !== 'Read request');
    if (calls.total === 0) return hasBegun ? 'no call of the run was recorded: independence is not proven' : undefined;
    return needed === 0
      ? undefined
      : `${calls.toFailedRegion} answered calls to the failed region, ${calls.toForeignControlPlane} to foreign control planes`;
  },
});

/** Least privilege that is too little is found here, not in an outage. Held by every scenario. */
export const rightsSuffice = (): Promised => ({
  text: 'No function was denied a call by its role',
  broken: ({ evidence }) => {
    const denied = [...new Set(evidence.calls.flatMap((call) => call.denied ?? []))];
    return denied.length === 0 ? undefined : `denied: ${denied.slice(0, DENIED_SHOWN).join('; ')}`;
  },
});

/** The account of the time is complete. */
export const phasesAddUp = (): Promised => ({
  text: 'The phases sum to the measured RTO',
  broken: ({ phases, outageSeconds }) => {
    if (!Number.isFinite(outageSeconds)) return 'writes did not return: there is no RTO to account for';
    const sum = Object.values(phaseSeconds(phases)).reduce((total, one) => total + one, 0);
    return Math.abs(sum - outageSeconds) <= PHASE_SUM_TOLERANCE_SECONDS
      ? undefined
      : `the phases sum to ${seconds(sum)}, the RTO is ${seconds(outageSeconds)}`;
  },
});
