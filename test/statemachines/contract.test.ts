import { readdirSync, readFileSync } from 'node:fs';
import aslValidator from 'asl-validator';
import { describe, expect, it } from 'vitest';
import { WAKING_SECONDS } from '../../environments/budget.ts';
import { retriesWithin } from '../../infra/retries.ts';
import * as errors from '../../lambdas/kit/errors.ts';
import type { StepDefinition } from '../../lambdas/kit/step.ts';
import { statesOf, stepFileOf, type Task, tasksOf } from './machine.ts';

/** Error names that AWS throws, not we. AWS, Step Functions developer guide, 'Error names'; Lambda's own, 'Handle transient Lambda service exceptions'. */
const OF_AWS = /^(States\.|Lambda\.|Sandbox\.)/;
/** How Lambda names a function that reached its own timeout: at or below the state's, so `States.Timeout` hardly ever comes first. */
const OUT_OF_TIME = ['Sandbox.Timedout', 'Lambda.Unknown', 'Lambda.ClientExecutionTimeoutException'];
/** A function in a network that sleeps, and while it wakes. AWS, Lambda developer guide, 'Lambda function states'. */
const ASLEEP = ['Lambda.ResourceNotReadyException', 'Lambda.ResourceConflictException'];
const ASKS = 'arn:aws:states:::lambda:invoke.waitForTaskToken';
/** A machine is named for what it does; where its capability is called otherwise, by this. */
const capabilityOf: Record<string, string> = { 'verify-backup': 'verification' };
const machines = readdirSync('statemachines').filter((file) => file.endsWith('.asl.json'));

const stepOf = async (capability: string, task: Task): Promise<StepDefinition<never, unknown, unknown>> => {
  const module = (await import(`../../lambdas/${capability}/${stepFileOf(task)}.ts`)) as Record<string, unknown>;
  const step = Object.values(module).find((value) => typeof value === 'object' && value !== null && 'throws' in value);
  return step as StepDefinition<never, unknown, unknown>;
};

describe.each(machines)('%s', (file) => {
  const name = file.replace('.asl.json', '');
  const capability = capabilityOf[name] ?? name;
  const text = readFileSync(`statemachines/${file}`, 'utf8');
  const machine = JSON.parse(text);
  const states = statesOf(machine);
  const tasks = tasksOf(machine);

  it('is valid ASL once its placeholders are filled in', () => {
    const filled = JSON.parse(
      text
        .replaceAll(/"\$\{\w*(MaxAttempts|Seconds)\}"/g, '7')
        .replaceAll(/"\$\{\w+\}"/g, '"arn:aws:lambda:us-east-1:000000000000:function:step"'),
    );
    const { isValid, errorsText } = aslValidator(filled);
    expect(isValid, errorsText()).toBe(true);
  });

  it('names each state once, as a sentence', () => {
    const names = states.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[A-Z][a-z' ?]+$/);
  });

  it.each(tasks.map((task) => [task.name, task] as const))(
    '%s: bounded, retried, and known by the same name in lambdas',
    async (name, task) => {
      expect(task.state.TimeoutSeconds ?? task.state.TimeoutSecondsPath, 'a timeout').toBeDefined();
      expect(task.state.Retry?.length, 'a retry policy').toBeGreaterThan(0);
      const step = await stepOf(capability, task);
      expect(step.name).toBe(stepFileOf(task));
      // A step that has its turn twice is called so both times.
      if (name !== 'Ask for approval')
        expect(
          name
            .replace(/ first$/, '')
            .toLowerCase()
            .replaceAll(' ', '-'),
        ).toBe(step.name);
    },
  );

  it.each(tasks.map((task) => [task.name, task] as const))(
    '%s: tries again after a timeout, and until a sleeping function is awake',
    (_, task) => {
      const retriers = task.state.Retry!;
      const transient = retriers.find(({ ErrorEquals }) => ErrorEquals.includes('Transient'));
      expect(transient?.ErrorEquals).toEqual(expect.arrayContaining(OUT_OF_TIME));
      // Where a person is waited for, the state's own timeout is the answer's.
      expect(transient?.ErrorEquals.includes('States.Timeout')).toBe(task.state.Resource !== ASKS);
      const waking = retriers.find(({ ErrorEquals }) => ErrorEquals.includes(ASLEEP[0]!));
      expect(waking?.ErrorEquals).toEqual(ASLEEP);
      const { IntervalSeconds, BackoffRate, MaxDelaySeconds, MaxAttempts } = waking!;
      const rhythm = { intervalSeconds: IntervalSeconds!, backoffRate: BackoffRate!, maxDelaySeconds: MaxDelaySeconds! };
      expect(retriesWithin({ boundSeconds: WAKING_SECONDS, ...rhythm }).maxAttempts).toBe(MaxAttempts);
    },
  );

  it.each(tasks.map((task) => [task.name, task] as const))(
    '%s: every error that a retry or catch names is thrown by its step',
    async (_, task) => {
      const step = await stepOf(capability, task);
      const thrown = [...step.throws.map(({ name }) => name), 'Transient', 'InvalidRequest'];
      const named = [...(task.state.Retry ?? []), ...(task.state.Catch ?? [])]
        .flatMap(({ ErrorEquals }) => ErrorEquals)
        .filter((error) => !OF_AWS.test(error));
      for (const error of named) {
        expect(Object.keys(errors)).toContain(error);
        expect(thrown, `${step.name} must declare ${error}`).toContain(error);
      }
      // And the other way round: a step that waits by NotReady is waited for.
      if (thrown.includes('NotReady')) expect(named).toContain('NotReady');
    },
  );

  it.each(tasks.map((task) => [task.name, task] as const))("%s: its payload has exactly the keys of the step's schema", async (_, task) => {
    const step = await stepOf(capability, task);
    const payload = (task.state.Parameters as { Payload?: Record<string, unknown> }).Payload ?? task.state.Parameters!;
    const given = Object.keys(payload).map((key) => key.replace(/\.\$$/, ''));
    const shape = (step.input as unknown as { shape: Record<string, unknown> }).shape;
    expect(given.sort()).toEqual(Object.keys(shape).sort());
  });

  it('ends every failure in a recorded outcome', () => {
    const uncaught = tasks.filter(({ state, inParallel }) => !state.Catch && !inParallel);
    expect(uncaught.map(({ name }) => name)).toEqual([]);
  });
});

// A failed execution has no output: what its last state found is read nowhere else by whoever looks at the run alone.
it.each(['failover', 'backup', 'restore', 'repair', 'verify-backup'])(
  '%s: a failed end says the reason that the state before it gave',
  (name) => {
    const { States } = JSON.parse(readFileSync(`statemachines/${name}.asl.json`, 'utf8')) as {
      States: Record<string, Record<string, string>>;
    };
    const fixed = Object.entries(States).filter(([, { Type, CausePath }]) => Type === 'Fail' && CausePath === undefined);
    expect(fixed.map(([state]) => state)).toEqual([]);
  },
);
