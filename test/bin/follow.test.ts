import { describe, expect, it } from 'vitest';
import { type Run, startAndFollow } from '../../bin/commands/follow.ts';
import type { Operator } from '../../bin/commands/operator.ts';
import { heard, operatorFor } from './calls.ts';

const MINUTE_MS = 60_000;
const outage = () => {
  throw Object.assign(new Error('no answer'), { name: 'TimeoutError' });
};

/** Follows a run on a clock of its own; `look` is told how much of that has passed. */
const followed = async (look: (ms: number) => unknown, over: Partial<Run> = {}, operator: Partial<Operator> = {}) => {
  let ms = 0;
  const pauses: number[] = [];
  const clock = {
    now: () => ms,
    sleep: async (pause: number) => {
      pauses.push(pause);
      ms += pause;
    },
  };
  const run = { machine: 'failover', region: 'us-west-2', name: 'failover-1', input: {}, watch: true, ...over };
  const with_ = operatorFor(() => look(ms), operator);
  return { ...(await heard(() => startAndFollow(with_, run, clock))), pauses, ms };
};

describe('a run that is followed', () => {
  it('is looked at often at first, and at least each five seconds', async () => {
    const { code, pauses } = await followed((ms) => (ms < MINUTE_MS ? { status: 'RUNNING' } : { status: 'SUCCEEDED' }));
    expect(pauses[0]).toBeLessThanOrEqual(500);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses.at(-1)).toBe(5_000);
    expect(code).toBe(0);
  });

  it('is not lost by looks that fail for less than five minutes, again and again', async () => {
    const look = (ms: number) => {
      if (ms > 13 * MINUTE_MS) return { status: 'SUCCEEDED', output: '{"moved":true}' };
      return ms % (5 * MINUTE_MS) > 10_000 ? outage() : { status: 'RUNNING' };
    };
    const { code, stdout, stderr } = await followed(look);
    expect(JSON.parse(stdout)).toMatchObject({ incident: 'failover-1', status: 'SUCCEEDED', output: { moved: true } });
    expect(stderr.match(/cannot be seen, asking on: TimeoutError: no answer/g)).toHaveLength(3);
    expect(code).toBe(0);
  });

  it('is lost sight of after five minutes, which is no failure of the run', async () => {
    const { code, stdout, stderr, ms } = await followed(
      (at) => (at < 3_000 ? { status: 'RUNNING' } : outage()),
      {},
      { region: 'us-west-2' },
    );
    expect(JSON.parse(stdout)).toMatchObject({
      incident: 'failover-1',
      executionArn: 'arn:failover-1',
      status: 'UNKNOWN',
      cause: 'no answer',
    });
    expect(stderr).toContain(
      'lost sight of arn:failover-1: TimeoutError: no answer; the run goes on: npx lifeboat --env demo-backup --region us-west-2 incident failover-1\n',
    );
    expect(code).toBe(3);
    expect(ms).toBeGreaterThanOrEqual(5 * MINUTE_MS);
    expect(ms).toBeLessThan(6 * MINUTE_MS);
  });

  it('is lost sight of when it runs for longer than any may', async () => {
    const { code, stderr } = await followed(() => ({ status: 'RUNNING' }));
    expect(stderr).toContain('lost sight of arn:failover-1: StillRuns: after 24 hours; the run goes on');
    expect(code).toBe(3);
  });

  it.each([
    [{ status: 'FAILED', error: 'Unrecovered', cause: 'orders: aborted' }, 1],
    [{ status: 'SUCCEEDED' }, 0],
  ])('ends as %j, with code %i', async (sight, code) => {
    expect((await followed(() => sight)).code).toBe(code);
  });

  it('that goes on with an incident is told of under that', async () => {
    const { stdout } = await followed(() => ({ status: 'SUCCEEDED' }), { incident: 'failover-0' });
    expect(JSON.parse(stdout)).toMatchObject({ incident: 'failover-0', executionArn: 'arn:failover-1' });
    const print: Operator['print'] = (_, text) => process.stdout.write(text());
    expect((await followed(outage, { incident: 'failover-0', watch: false }, { print })).stdout).toBe('failover-0');
  });

  it('that does not start is an error', async () => {
    const sfn = () => ({ send: outage }) as never;
    await expect(followed(() => ({}), {}, { sfn })).rejects.toThrow('no answer');
  });
});
