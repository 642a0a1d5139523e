import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NotReady } from '../../lambdas/kit/errors.ts';
import type { Incidents } from '../../lambdas/kit/incidents.ts';
import { runStep, workloadRun } from '../../lambdas/kit/step.ts';
import { baseFor, leaseOf, request } from './services.ts';

const input = { workload: 'orders', request: request() };
const step = { name: 'take-lease', input: workloadRun, throws: [], build: () => ({}), run: async () => ({ epoch: 4 }) };
const withTimeline = (append: Incidents['append']) => ({ ...baseFor(leaseOf()), incidents: { append } as Incidents });

const written: string[] = [];
beforeEach(() => {
  written.length = 0;
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

it('goes on when the timeline refuses its lines, and leaves them in the log', async () => {
  const refused = async () => {
    throw new Error('AccessDenied');
  };
  await expect(runStep(step, input, withTimeline(refused))).resolves.toEqual({ epoch: 4 });
  expect(written.map((line) => JSON.parse(line))).toMatchObject([
    { event: 'timeline-not-written', incident: 'run-1', step: 'take-lease', state: 'started', error: 'Error: AccessDenied' },
    { event: 'timeline-not-written', incident: 'run-1', step: 'take-lease', state: 'succeeded', detail: { epoch: 4 } },
  ]);
});

it('is held up for two seconds by a timeline that never answers, and no longer', async () => {
  vi.useFakeTimers();
  const ends = vi.fn();
  void runStep(
    step,
    input,
    withTimeline(() => new Promise(() => undefined)),
  ).then(ends);
  await vi.advanceTimersByTimeAsync(1_999);
  expect(ends).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(ends).toHaveBeenCalledWith({ epoch: 4 });
});

it('fails with its own error, whatever became of the timeline', async () => {
  const run = async () => {
    throw new NotReady('is being promoted');
  };
  const refused = async () => {
    throw new Error('AccessDenied');
  };
  await expect(runStep({ ...step, run }, input, withTimeline(refused))).rejects.toThrow(new NotReady('is being promoted'));
});
