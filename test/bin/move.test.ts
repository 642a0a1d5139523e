import { expect, it } from 'vitest';
import { WORKLOADS_PER_RUN } from '../../environments/run-size.ts';
import { called, operatorFor } from './calls.ts';

const moved = async (line: string, operator = operatorFor()) => {
  const heard = await called(line.split(' '), async () => operator);
  return { ...heard, ...operator.started[0]! };
};

it('goes on with an incident: its mode, and its workloads unless some are named', async () => {
  const { input, region, stdout } = await moved('failover --to recovery --incident failover-0 --reason again');
  expect(input).toEqual({ mode: 'failover', dryRun: false, reason: 'again', incident: 'failover-0' });
  expect(region).toBe('us-west-2');
  expect(JSON.parse(stdout)).toMatchObject({ incident: 'failover-0', status: 'SUCCEEDED' });
  const named = await moved('switchover orders --to primary --incident switchover-0 --no-watch');
  expect(named.input).toEqual({ mode: 'switchover', dryRun: false, incident: 'switchover-0', workloads: ['orders'] });
  expect(JSON.parse(named.stdout)).toEqual({ incident: 'switchover-0', region: 'us-east-1', executionArn: `arn:${named.name}` });
  expect(named.name).toMatch(/^switchover-\d+$/);
});

it('counts no workloads for an incident, which had room in one run', async () => {
  const operator = operatorFor();
  const [orders] = operator.environment.workloads;
  const workloads = Array.from({ length: WORKLOADS_PER_RUN + 1 }, (_, i) => ({ ...orders!, name: `orders-${i}` }));
  const crowd = { ...operator, environment: { ...operator.environment, workloads } };
  expect((await moved('failover --to recovery --incident failover-0 --reason again', crowd)).code).toBe(0);
  expect((await called('failover --to recovery --reason why'.split(' '), async () => crowd)).code).toBe(2);
  expect(operator.started).toHaveLength(1);
});
