import type { Evidence, Execution, Row } from '../../../lab/drill/judge/evidence.ts';
import type { CallRecord } from '../../../lab/types.ts';
import type { Attempt } from '../../../lab/workload/attempt.ts';

/** A made-up history of a drill, times in seconds from its start; what a test does not say is as in a good failover. */
export const A = 'us-east-1';
export const B = 'us-west-2';
export const ms = (seconds: number): number => 1_800_000_000_000 + Math.round(seconds * 1_000);

let serial = 0;
export const ack = (site: string, sent: number, answered = sent + 0.01): Attempt => ({
  id: `order-${++serial}`,
  sentAt: ms(sent),
  answeredAt: ms(answered),
  status: 201,
  site,
  acknowledged: true,
});
export const refused = (sent: number, answered = sent + 0.05): Attempt => ({
  ...ack('', sent, answered),
  site: undefined,
  status: 503,
  acknowledged: false,
});

/** A write each tenth of a second from `from` up to, not including, `to`. */
export function writing(site: string, from: number, to: number): Attempt[] {
  return Array.from({ length: Math.round((to - from) * 10) }, (_, index) => ack(site, from + index / 10));
}

export const rowsOf = (attempts: readonly Attempt[]): Row[] =>
  attempts
    .filter((attempt) => attempt.acknowledged)
    .map((attempt) => ({ id: attempt.id, site: attempt.site ?? '', recordedAt: (attempt.sentAt + attempt.answeredAt) / 2 }));

export const run = (changes: Partial<Execution> = {}): Execution => ({
  region: B,
  arn: 'arn:aws:states:us-west-2:000000000000:execution:lifeboat-demo-failover:one',
  name: 'one',
  status: 'SUCCEEDED',
  startedAt: ms(35),
  stoppedAt: ms(55),
  input: '{"workloads":["orders"]}',
  functions: ['lifeboat-demo-promote', 'lifeboat-demo-shift'],
  states: [
    { name: 'Confirm outage', works: true, enteredAt: ms(35), exitedAt: ms(38) },
    { name: 'Take the lease', works: true, enteredAt: ms(38), exitedAt: ms(39) },
    { name: 'Open site', works: false, enteredAt: ms(39), exitedAt: ms(46) },
    { name: 'Promote database', works: true, enteredAt: ms(39), exitedAt: ms(46) },
    { name: 'Scale compute', works: true, enteredAt: ms(39), exitedAt: ms(43) },
    { name: 'Shift traffic', works: true, enteredAt: ms(46), exitedAt: ms(46.2) },
    { name: 'Verify through public name', works: true, enteredAt: ms(46.2), exitedAt: ms(54) },
  ],
  ...changes,
});

export const call = (changes: Partial<CallRecord> = {}): CallRecord => ({
  id: ++serial,
  at: ms(40),
  durationMs: 12,
  source: B,
  region: B,
  service: 'rds',
  action: 'PromoteReadReplica',
  principal: 'lifeboat-demo-promote',
  status: 200,
  ...changes,
});

/** The region fails at 20 s; writes are back at 50 s in the other one; nothing is lost. */
export function failover(changes: Partial<Evidence> = {}): Evidence {
  const attempts = [...writing(A, 0, 20), ...[21, 25, 30, 40, 49].map((at) => refused(at)), ...writing(B, 50, 70)];
  return {
    home: { primary: A, recovery: B },
    faultAt: ms(20),
    failed: { region: A, at: ms(20) },
    moves: [ms(20)],
    attempts,
    insiders: [],
    setAside: [],
    exports: [],
    databases: [
      { site: B, rows: rowsOf(attempts) },
      { site: A, rows: rowsOf(attempts.filter((attempt) => attempt.site === A)) },
    ],
    executions: [run()],
    alarms: [{ at: ms(33), region: B, name: 'lifeboat-demo-orders-down', state: 'ALARM' }],
    calls: [call()],
    rights: { used: [], unused: [] },
    environment: 'demo',
    timeline: [
      { at: ms(10), event: 'steady: 100 orders acknowledged, all alarms OK', kind: 'drill' },
      { at: ms(20), event: 'us-east-1 goes dark', kind: 'fault' },
      { at: ms(33), event: 'us-west-2: alarm lifeboat-demo-orders-down is ALARM', kind: 'system' },
      { at: ms(35), event: 'us-west-2: execution one started', kind: 'system' },
      { at: ms(55), event: 'us-west-2: execution SUCCEEDED', kind: 'system' },
    ],
    ...changes,
  };
}
