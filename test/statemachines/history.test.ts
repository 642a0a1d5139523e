import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { backupPolicy } from '../../environments/backup.ts';
import { HISTORY_EVENTS, POINTS_PER_RUN, WORKLOADS_PER_RUN } from '../../environments/run-size.ts';
import { retriesWithin } from '../../infra/retries.ts';
import { type Retrier, statesOf } from './machine.ts';

/** Events of a task that succeeds at once, of each try again, of any other state. AWS, Step Functions API reference, 'HistoryEvent'. */
const TASK = 5;
const TRY = 3;
const OTHER = 4;
/** Kept free for what a run makes once, and for functions that wake. */
const MARGIN = 0.1 * HISTORY_EVENTS;

/** Events of all states of a file, each entered once, each wait as long as it may be; every task thrice disturbed beside. */
const eventsOf = (file: string, waits: Record<string, number>): number => {
  const states = statesOf(JSON.parse(readFileSync(`statemachines/${file}.asl.json`, 'utf8')));
  return states.reduce((sum, { state }) => {
    if (state.Type !== 'Task') return sum + OTHER;
    return sum + TASK + 3 * TRY + TRY * (state.Retry ?? []).reduce((tries, retrier) => tries + triesOf(retrier, waits), 0);
  }, 0);
};

const triesOf = ({ IntervalSeconds, BackoffRate, MaxDelaySeconds, MaxAttempts }: Retrier, waits: Record<string, number>): number => {
  const step = /^\$\{(\w+)MaxAttempts\}$/.exec(String(MaxAttempts))?.[1];
  if (!step || !waits[step]) return 0;
  const rhythm = { intervalSeconds: IntervalSeconds!, backoffRate: BackoffRate!, maxDelaySeconds: MaxDelaySeconds! };
  return retriesWithin({ boundSeconds: waits[step], ...rhythm }).maxAttempts;
};

it('of a verification has room for all its points, though every wait lasts as long as it may by default', () => {
  const restore = backupPolicy.parse({}).verification.restoreTimeoutMinutes * 60;
  const onePoint = eventsOf('verify-backup', { RestoreCopy: restore, InspectCopy: 300, RemoveCopy: 1_800 });
  expect(POINTS_PER_RUN * onePoint).toBeLessThanOrEqual(HISTORY_EVENTS - MARGIN);
});

it.each([
  ['failover', { ScaleCompute: 600 }],
  // What was there a moment ago is not waited for again.
  ['switchover', { ScaleComputeFirst: 600 }],
])('of a %s has room for all its workloads, each with ten minutes of promotion, and of compute', (_, compute) => {
  const oneWorkload = eventsOf('failover', { PromoteDatabase: 600, TakeLease: 30, VerifyApplication: 30, ...compute });
  expect(WORKLOADS_PER_RUN * oneWorkload).toBeLessThanOrEqual(HISTORY_EVENTS - MARGIN);
});
