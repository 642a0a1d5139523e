import { describe, expect, it } from 'vitest';
import { askApproval } from '../../lambdas/failover/ask-approval.ts';
import { settleApproval } from '../../lambdas/failover/settle-approval.ts';
import { type Answer, Approvals, type SendAnswer } from '../../lambdas/kit/approvals.ts';
import { ApprovalRefused, ApprovalTimedOut, CooldownOver } from '../../lambdas/kit/errors.ts';
import { gatherRecord } from '../../lambdas/kit/evidence.ts';
import { type RunRequest, runStep } from '../../lambdas/kit/step.ts';
import { baseFor, leaseOf, NOW, request } from '../kit/services.ts';

const TOKEN = 'the-task-token-of-the-waiting-state';
const over = { kind: 'known', seconds: 90 } as const;
const within = { kind: 'known', seconds: 2 } as const;
const unknown = { kind: 'unknown', why: 'the standby has no heartbeat row' } as const;
const approving: Answer = {
  verdict: 'approved',
  by: 'arn:aws:iam::1:user/ada',
  via: 'command',
  at: 'now',
  reason: 'orders are few at night',
};
const refusing: Answer = { ...approving, verdict: 'refused' };
const mac = { sign: async () => Buffer.alloc(32, 7) };

/** A run that has asked; `sent` is what reached it. */
const asked = async ({
  lag = over as typeof over | typeof within | typeof unknown,
  plan = {},
  run = {} as Partial<RunRequest>,
  link = true,
} = {}) => {
  const base = baseFor(leaseOf());
  base.plan = { ...base.plan, failover: { ...base.plan.failover, ...plan } };
  const told: string[] = [];
  const input = { workload: 'orders', request: request(run), lag };
  const services = {
    ...base,
    tell: async (subject: string, facts: object) => void told.push(`${subject} ${JSON.stringify(facts)}`),
    link: link ? { base: 'https://abc.lambda-url.us-west-2.on.aws/', mac } : undefined,
  };
  await runStep(askApproval, { ...input, token: TOKEN }, services);
  const sent: string[] = [];
  const send: SendAnswer = async (token, { verdict }) => {
    sent.push(`${token} ${verdict}`);
    return 'delivered';
  };
  const approvals = new Approvals(base.ledger, base.incidents);
  const answer = (given: Answer, { at = NOW + 60_000, by = send, id = undefined as string | undefined } = {}) =>
    approvals.answer({ incident: 'run-1', workload: 'orders', id, now: at }, given, by);
  const settle = (at: number, ledgerLag = lag) =>
    runStep(settleApproval, { ...input, lag: ledgerLag }, { ...services, now: () => at }).then(() => 'goes on');
  const incident = () => base.incidents.find('run-1', 'orders');
  return { base, told, sent, approvals, answer, settle, incident };
};
const LATE = NOW + 3_600_000;

describe('ask-approval', () => {
  it('tells what is asked, why, what no answer means, and how to answer, by command and by link', async () => {
    const { told } = await asked({ run: { cooldownUntil: new Date(NOW + 1000).toISOString() } });
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('npx lifeboat approve run-1 --workload orders');
    expect(told[0]).toContain('the standby lags by 90 s, the objective is 60 s; it was moved not long ago');
    expect(told[0]).toContain("policy onApprovalTimeout: 'refuse'");
    expect(told[0]).toMatch(
      /https:\/\/abc\.lambda-url\.us-west-2\.on\.aws\/\?incident=run-1&workload=orders&question=\w+&expires=\d+&code=BwcH/,
    );
  });

  it('makes no link unless the environment wants one', async () => {
    expect((await asked({ link: false })).told[0]).not.toContain('https://');
  });

  it('keeps the task token in one item of the ledger: not in messages, links, the incident or its record', async () => {
    const { base, told, incident, answer } = await asked();
    await answer(approving);
    const holders = [...base.memory.items].filter(([, item]) => JSON.stringify(item).includes(TOKEN)).map(([key]) => key);
    expect(holders).toEqual(['incident#run-1/#question#orders']);
    expect(JSON.stringify([told, await incident()])).not.toContain(TOKEN);
    const record = await gatherRecord(base.incidents, 'run-1', 'orders', { rtoSeconds: 1, rpoSeconds: 1 });
    expect(JSON.stringify(record)).not.toContain(TOKEN);
  });
});

describe('an answer', () => {
  it('reaches the run once, and who, when, how and why is in the incident with the loss that was accepted', async () => {
    const { answer, sent, incident } = await asked();
    expect(await answer(approving)).toMatchObject({ kind: 'done' });
    expect(sent).toEqual([`${TOKEN} approved`]);
    expect(await incident()).toMatchObject({
      approval: { because: expect.stringContaining('lags by 90 s'), answer: approving },
      acceptedLoss: { lag: over, objectiveSeconds: 60, by: approving.by, reason: approving.reason },
    });
    expect(await answer(approving)).toMatchObject({ kind: 'already', answer: approving });
    expect(await answer(refusing)).toMatchObject({ kind: 'already', answer: approving });
    expect(sent).toHaveLength(1);
  });

  it('accepts no loss by refusing, nor where what would be lost is within the objective', async () => {
    const refused = await asked();
    await refused.answer(refusing);
    expect((await refused.incident())?.acceptedLoss).toBeUndefined();
    const small = await asked({ lag: within });
    await small.answer(approving);
    expect((await small.incident())?.acceptedLoss).toBeUndefined();
  });

  it('is one, also when two are given at the same moment', async () => {
    const { answer, sent } = await asked();
    const kinds = (await Promise.all([answer(approving), answer(refusing)])).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(['already', 'done']);
    expect(sent).toHaveLength(1);
  });

  it('that was recorded and not delivered is sent again by the same answer, and by no other', async () => {
    const { answer, sent } = await asked();
    await expect(answer(approving, { by: async () => Promise.reject(new Error('throttled')) })).rejects.toThrow('throttled');
    expect(await answer(refusing)).toMatchObject({ kind: 'already' });
    expect(await answer(approving)).toMatchObject({ kind: 'done' });
    expect(sent).toEqual([`${TOKEN} approved`]);
  });

  it('is refused when it is late, to a run that has ended, and to another question', async () => {
    const { answer } = await asked();
    expect(await answer(approving, { at: LATE })).toMatchObject({ kind: 'late' });
    expect(await answer(approving, { id: 'an-older-question' })).toEqual({ kind: 'unasked' });
    expect(await answer(approving, { by: async () => 'ended' })).toMatchObject({ kind: 'ended' });
  });
});

describe('settle-approval', () => {
  it('refuses by default, and records that the policy did', async () => {
    const { settle, incident, answer } = await asked();
    await expect(settle(LATE)).rejects.toBeInstanceOf(ApprovalTimedOut);
    expect(await incident()).toMatchObject({ approval: { answer: { verdict: 'refused', via: 'policy' } } });
    expect(await answer(approving, { at: LATE })).toMatchObject({ kind: 'already' });
    await expect(settle(LATE)).rejects.toBeInstanceOf(ApprovalTimedOut);
  });

  it('goes on where the policy says so, and records the loss as accepted by it; never with an unknown lag', async () => {
    const plan = { onApprovalTimeout: 'proceed' as const };
    const known = await asked({ plan });
    expect(await known.settle(LATE)).toBe('goes on');
    expect(await known.incident()).toMatchObject({ acceptedLoss: { by: 'policy onApprovalTimeout: proceed', lag: over } });
    await expect((await asked({ plan, lag: unknown })).settle(LATE)).rejects.toBeInstanceOf(ApprovalTimedOut);
  });

  it('lets an answer count that a person gave in time and that did not reach the run', async () => {
    const lost = async (given: Answer) => {
      const run = await asked();
      await run.answer(given, { by: async () => Promise.reject(new Error('throttled')) }).catch(() => undefined);
      return run;
    };
    expect(await (await lost(approving)).settle(LATE)).toBe('goes on');
    await expect((await lost(refusing)).settle(LATE)).rejects.toBeInstanceOf(ApprovalRefused);
  });

  it('ends with the cool-down, so that a new run looks again; a lag over the objective proceeds no sooner', async () => {
    const run = { cooldownUntil: new Date(NOW + 600_000).toISOString(), approvalRequired: true };
    const { settle } = await asked({ run, plan: { onApprovalTimeout: 'proceed' } });
    await expect(settle(NOW + 600_000)).rejects.toBeInstanceOf(CooldownOver);
  });
});
