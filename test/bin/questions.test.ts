import { describe, expect, it } from 'vitest';
import { move } from '../../bin/commands/move.ts';
import type { Operator } from '../../bin/commands/operator.ts';
import { questionTeller } from '../../bin/commands/questions.ts';
import { repair } from '../../bin/commands/repair.ts';
import { restore } from '../../bin/commands/restore.ts';
import { Approvals, questionOf } from '../../lambdas/kit/approvals.ts';
import { Incidents } from '../../lambdas/kit/incidents.ts';
import type { Ledger } from '../../lambdas/kit/ledger.ts';
import { heard, operatorFor, type Started } from './calls.ts';

const ask = async (ledger: Ledger, incident: string, workload: string, token: string, now = Date.now()) => {
  const question = questionOf({ token, mode: 'failover', reason: 'r', because: `${token} is asked` }, { now, withinSeconds: 600 });
  const approvals = new Approvals(ledger, new Incidents(ledger));
  await approvals.ask(incident, workload, question);
  return { approvals, question };
};

describe('the questions of a run', () => {
  const operator = operatorFor(undefined, { region: 'us-east-1' });
  const { ledger } = operator;
  const answer = (workload: string) =>
    `  npx lifeboat --env demo-backup --region us-east-1 approve run-1 --workload ${workload} --reason "…"\n`;

  it('are told once each, of each workload, with the command that answers', async () => {
    const look = questionTeller(operator, 'run-1', ['orders', 'stock']);
    const told = async () => (await heard(look)).stderr;
    expect(await told()).toBe('');
    await ask(ledger, 'run-1', 'orders', 'first');
    const first = await told();
    expect(first).toContain('first is asked');
    expect(first).toContain(answer('orders'));
    expect(await told()).toBe('');
    await ask(ledger, 'run-1', 'orders', 'second');
    await ask(ledger, 'run-1', 'stock', 'of stock');
    const more = await told();
    expect(more).toContain('second is asked');
    expect(more).toContain(answer('stock'));
    expect(await told()).toBe('');
  });

  it('are not told when they are answered, or too old to be', async () => {
    await ask(ledger, 'run-2', 'orders', 'old', Date.now() - 601_000);
    const { approvals, question } = await ask(ledger, 'run-2', 'stock', 'answered');
    const given = { verdict: 'approved', by: 'ada', via: 'command', at: new Date().toISOString(), reason: 'r' } as const;
    await approvals.record('run-2', 'stock', question, given);
    expect((await heard(questionTeller(operator, 'run-2', ['orders', 'stock']))).stderr).toBe('');
  });

  it('that cannot be read end nothing, and are told when they can', async () => {
    let isReachable = false;
    const get = (key: { pk: string; sk: string }) => (isReachable ? ledger.get(key) : Promise.reject(new Error('the ledger is away')));
    const look = questionTeller({ ...operator, ledger: { get } as Ledger }, 'run-1', ['orders']);
    expect((await heard(look)).stderr).toBe('whether run-1 asks somebody cannot be read: the ledger is away\n');
    expect((await heard(look)).stderr).toBe('');
    isReachable = true;
    expect((await heard(look)).stderr).toContain(answer('orders'));
  });
});

describe('a person who follows a run', () => {
  const options = { watch: true, dryRun: false, reason: 'why' };
  const rows = { ...options, from: 'instance', table: 'orders', key: [], maxRows: '100' };
  /** Runs, asking at the first look, until the second. */
  const followed = async (command: (operator: Operator) => Promise<void>) => {
    let looks = 0;
    const operator = operatorFor(async ({ name, input }: Started) => {
      const incident = String(input.incident ?? name);
      const compared = {
        at: new Date().toISOString(),
        step: 'compare-records',
        state: 'succeeded',
        detail: { summary: 'two rows' },
      } as const;
      await new Incidents(operator.ledger).append(incident, 'orders', compared);
      await ask(operator.ledger, incident, 'orders', 'the question');
      return { status: looks++ === 0 ? 'RUNNING' : 'SUCCEEDED' };
    });
    const { stderr } = await heard(() => command(operator));
    return stderr.replaceAll(operator.started[0]!.name, 'NAME');
  };

  it.each<[string, (operator: Operator) => Promise<void>, string]>([
    ['failover', (operator) => move(operator, 'failover', [], { ...options, to: 'recovery' }), 'NAME'],
    ['switchover', (operator) => move(operator, 'switchover', ['orders'], { ...options, to: 'recovery' }), 'NAME'],
    ['failover of an incident', (operator) => move(operator, 'failover', [], { ...options, to: 'recovery', incident: 'run-0' }), 'run-0'],
    ['restore', (operator) => restore(operator, 'orders', options), 'NAME'],
    ['restore of an incident', (operator) => restore(operator, 'orders', { ...options, incident: 'run-0' }), 'run-0'],
    ['repair', (operator) => repair(operator, 'orders', rows), 'NAME'],
  ])('by %s is told what it asks', async (name, command, incident) => {
    const told = await followed(command);
    expect(told).toContain(`npx lifeboat --env demo-backup approve ${incident} --workload orders --reason "…"`);
    expect(told.includes('two rows')).toBe(name === 'repair');
  });
});
