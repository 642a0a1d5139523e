import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { buildAnswerPage, type UrlRequest } from '../../lambdas/failover/answer-approval.ts';
import { linkTo, type Mac, readLink } from '../../lambdas/kit/approval-link.ts';
import { Approvals, type Question, type SendAnswer } from '../../lambdas/kit/approvals.ts';
import { baseFor, leaseOf, NOW } from '../kit/services.ts';

const BASE = 'https://abc.lambda-url.us-west-2.on.aws/';
const macWith = (key: string): Mac => {
  const sign = async (message: string) => createHmac('sha256', key).update(message).digest();
  return { sign, verify: async (message, mac) => (await sign(message)).equals(mac) };
};
const mac = macWith('a key that KMS keeps');
const question: Question = {
  id: 'question-1',
  token: 'the-task-token',
  askedAt: new Date(NOW).toISOString(),
  expiresAt: new Date(NOW + 600_000).toISOString(),
  mode: 'failover',
  reason: 'alarm <b>down</b>',
  because: 'the standby lags by 90 s, the objective is 60 s',
  loss: { lag: { kind: 'known', seconds: 90 }, objectiveSeconds: 60 },
  reminders: 0,
};
const linked = { incident: 'run-1', workload: 'orders', question: question.id, expiresAt: NOW + 600_000 };

let base: ReturnType<typeof baseFor>;
let approvals: Approvals;
let sent: string[];
let now: number;
let send: SendAnswer;
beforeEach(async () => {
  base = baseFor(leaseOf());
  approvals = new Approvals(base.ledger, base.incidents);
  await approvals.ask('run-1', 'orders', question);
  [sent, now] = [[], NOW + 1_000];
  send = async (token, { verdict }) => {
    sent.push(`${token} ${verdict}`);
    return 'delivered';
  };
});

const visit = async (method: string, link: string, form?: Record<string, string>, isBase64Encoded = false) => {
  const text = form && new URLSearchParams(form).toString();
  const event: UrlRequest = {
    queryStringParameters: Object.fromEntries(new URL(link).searchParams),
    requestContext: { http: { method, sourceIp: '203.0.113.7', userAgent: 'Firefox' } },
    body: isBase64Encoded ? Buffer.from(text ?? '').toString('base64') : text,
    isBase64Encoded,
  };
  const plan = { name: 'demo', notify: { emails: ['ada@example.com'] } };
  const page = buildAnswerPage({ plan, topic: 'arn:aws:sns:topic', approvals, mac, send: (...all) => send(...all), now: () => now });
  return page(event);
};
const link = (over: Partial<typeof linked> = {}, key: Mac = mac, environment = 'demo') =>
  linkTo(BASE, environment, { ...linked, ...over }, key);
const approve = { answer: 'approve', reason: 'orders are few at night' };

describe('the page of an approval', () => {
  it('shows what is asked, escaped, with a form that posts, and changes nothing however often it is opened', async () => {
    const before = structuredClone([...base.memory.items]);
    for (const method of ['GET', 'HEAD', 'GET']) {
      const page = await visit(method, await link());
      expect(page).toMatchObject({ statusCode: 200, headers: { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' } });
      expect(page.body).toContain('90 s of writes (objective: 60 s)');
      expect(page.body).toContain('<form method="post">');
      expect(page.body).not.toContain('<b>down');
      expect(page.body).not.toContain(question.token);
    }
    expect([...base.memory.items]).toEqual(before);
    expect(sent).toEqual([]);
  });

  it('takes one answer by POST, and records to whom the link was sent and from where it was used', async () => {
    expect(await visit('POST', await link(), approve)).toMatchObject({ statusCode: 200, body: expect.stringContaining('approved') });
    expect(sent).toEqual(['the-task-token approved']);
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({
      approval: {
        answer: { by: expect.stringContaining('ada@example.com'), via: 'link', from: '203.0.113.7, Firefox', reason: approve.reason },
      },
      acceptedLoss: { reason: approve.reason },
    });
    expect(await visit('POST', await link(), { ...approve, answer: 'refuse' })).toMatchObject({ statusCode: 409 });
    expect(await visit('GET', await link())).toMatchObject({
      statusCode: 409,
      body: expect.stringContaining('Answered already: approved'),
    });
    expect(sent).toHaveLength(1);
  });

  it('sends an answer again that was recorded and did not reach the run, as it was given first and once', async () => {
    const deliver = send;
    send = async () => Promise.reject(new Error('throttled'));
    expect(await visit('POST', await link(), approve)).toMatchObject({ statusCode: 503 });
    send = deliver;
    const again = await visit('GET', await link());
    expect(again).toMatchObject({ statusCode: 409, body: expect.stringContaining('not delivered yet: approved') });
    expect(again.body).toContain('<button name="answer" value="approve">');
    expect(again.body).not.toContain('value="refuse"');
    expect(await visit('POST', await link(), { answer: 'refuse', reason: 'no' })).toEqual(again);
    expect(sent).toEqual([]);
    expect(await visit('POST', await link(), { answer: 'approve', reason: 'sent again' })).toMatchObject({
      statusCode: 200,
      body: expect.stringContaining(approve.reason),
    });
    expect(await visit('POST', await link(), approve)).toMatchObject({ statusCode: 409 });
    expect(await visit('GET', await link())).toMatchObject({ body: expect.stringContaining('Answered already: approved') });
    expect(sent).toEqual(['the-task-token approved']);
  });

  it('offers nothing to send again once the time is over, nor for what the policy answered', async () => {
    await approvals.record('run-1', 'orders', question, {
      verdict: 'refused',
      by: 'policy',
      via: 'policy',
      at: question.askedAt,
      reason: 'r',
    });
    expect((await visit('GET', await link())).body).toContain('Answered already: refused');
    await approvals.ask('run-1', 'orders', { ...question, id: 'question-2' });
    send = async () => 'ended';
    await visit('POST', await link({ question: 'question-2' }), approve);
    now = NOW + 600_000;
    expect((await visit('GET', await link({ question: 'question-2' }))).body).toContain('Answered already: approved');
  });

  it('reads a form that Lambda hands over encoded', async () => {
    expect(await visit('POST', await link(), { answer: 'refuse', reason: 'not now' }, true)).toMatchObject({ statusCode: 200 });
    expect(sent).toEqual(['the-task-token refused']);
  });

  it.each([
    ['another key', () => link({}, macWith('another key'))],
    ['another workload', async () => (await link()).replace('workload=orders', 'workload=payments')],
    ['another incident', async () => (await link()).replace('run-1', 'run-2')],
    ['a later expiry', async () => (await link()).replace(/expires=\d+/, `expires=${NOW + 9e9}`)],
    ['another environment', () => link({}, mac, 'prod')],
    ['no code', async () => BASE],
    ['a short code', async () => (await link()).replace(/code=.*/, 'code=AAAA')],
  ])('refuses a link with %s', async (_, forged) => {
    for (const method of ['GET', 'POST']) expect(await visit(method, await forged(), approve)).toMatchObject({ statusCode: 403 });
    expect(sent).toEqual([]);
  });

  it('says so when it is too late, when it was asked anew, and when the run has ended', async () => {
    now = NOW + 600_000;
    expect(await visit('GET', await link())).toMatchObject({ statusCode: 410 });
    expect(await visit('POST', await link(), approve)).toMatchObject({ statusCode: 410 });
    now = NOW + 1_000;
    expect(await visit('POST', await link({ question: 'question-0' }), approve)).toMatchObject({ statusCode: 410 });
    send = async () => 'ended';
    expect(await visit('POST', await link(), approve)).toMatchObject({ statusCode: 410, body: expect.stringContaining('has ended') });
  });

  it('answers nothing without a choice, without a reason, by another method, or while the ledger cannot be read', async () => {
    expect(await visit('POST', await link(), { reason: 'x' })).toMatchObject({ statusCode: 400 });
    expect(await visit('POST', await link(), { answer: 'approve', reason: ' ' })).toMatchObject({ statusCode: 400 });
    expect(await visit('PUT', await link(), approve)).toMatchObject({ statusCode: 405 });
    approvals.find = async () => Promise.reject(new Error('throttled'));
    expect(await visit('POST', await link(), approve)).toMatchObject({ statusCode: 503 });
    expect(sent).toEqual([]);
  });
});

it('a link that is not even shaped like one costs no call to the key', async () => {
  const never = { verify: async () => Promise.reject(new Error('asked the key')) };
  expect(
    await readLink('demo', { incident: 'x'.repeat(300), workload: 'o', question: 'q', expires: '1', code: 'A'.repeat(43) }, never),
  ).toBeUndefined();
  expect(await readLink('demo', {}, never)).toBeUndefined();
});
