import { expect, it } from 'vitest';
import { type Incident, Incidents } from '../../lambdas/kit/incidents.ts';
import { called, operatorFor } from './calls.ts';

const opened: Incident = {
  incident: 'run-1',
  workload: 'orders',
  execution: 'run-1',
  mode: 'failover',
  trigger: 'alarm',
  reason: 'down',
  from: 'primary',
  to: 'recovery',
  epoch: 3,
  openedAt: '2026-11-20T12:00:00Z',
  outcome: 'running',
};

/** The text form of an incident with a step that succeeded and one that failed. */
const shown = async (over: Partial<Incident>) => {
  const operator = operatorFor(undefined, { print: (_, text) => process.stdout.write(text()) });
  const incidents = new Incidents(operator.ledger);
  await incidents.open({ ...opened, ...over });
  await incidents.append('run-1', 'orders', { at: '12:00:01', step: 'measure-lag', state: 'succeeded', detail: { kind: 'known' } });
  await incidents.append('run-1', 'orders', {
    at: '12:00:02',
    step: 'promote-database',
    state: 'failed',
    detail: 'NotReady: still a replica',
  });
  await incidents.append('run-1', 'orders', { at: '12:00:03', step: 'scale-compute', state: 'failed', detail: { count: 0 } });
  return (await called(['incident', 'run-1'], async () => operator)).stdout;
};

it.each(['aborted', 'interrupted'] as const)('says why a run was %s, and why steps failed', async (outcome) => {
  const text = await shown({ outcome, detail: 'LagRefused: 90 s', error: 'LagRefused' });
  expect(text.split('\n').slice(1)).toEqual([
    `  ${outcome}: LagRefused: 90 s`,
    '  12:00:01  measure-lag succeeded',
    '  12:00:02  promote-database failed: NotReady: still a replica',
    '  12:00:03  scale-compute failed: {"count":0}',
  ]);
  expect(await shown({ outcome, error: 'LagRefused' })).toContain(`\n  ${outcome}: LagRefused\n`);
});

it('says no reason for the end of one that goes on with it', async () => {
  expect(await shown({ outcome: 'recovered', detail: 'LagRefused: 90 s' })).not.toContain('LagRefused');
});
