import type { Lie } from '../gateway/faults.ts';
import type { AwsReply, Region } from '../types.ts';

/** A wrong answer that AWS could give, by the name that a matrix shows. */
export interface WrongAnswer {
  name: string;
  lie: () => Lie;
}

/** A describe that lags is old for so many answers. */
const STALE_ANSWERS = 4;
const READS = /^(Describe|Get|List|Query|Scan|Head|BatchGet)/;
/** These promise to answer what is true now, and the steps ask for just that: an old or empty answer would be no fault of AWS's. */
const TRUE_BY_PROMISE = new Set(['dynamodb:GetItem', 'secretsmanager:GetSecretValue', 'kms:Decrypt']);

/** Changes a served answer's text; errors stay what they are. */
const rewriting =
  (change: (text: string) => string): (() => Lie) =>
  () =>
  (answer) =>
    answer.status === 200 ? withBody(answer, change(String(answer.body ?? ''))) : answer;

const rewritingJson = (change: (body: Record<string, unknown>) => object) =>
  rewriting((text) => JSON.stringify(change(JSON.parse(text) as Record<string, unknown>)));

function withBody(answer: AwsReply, body: string | Buffer): AwsReply {
  const { 'content-length': _, 'x-amz-crc32': __, ...headers } = answer.headers ?? {};
  return { ...answer, headers, body };
}

/** The first answer of a region again, as a describe that lags gives it. */
const stale = (): Lie => {
  const told = new Map<Region, { first: AwsReply; times: number }>();
  return (answer, region) => {
    const { first, times } = told.get(region) ?? { first: answer, times: 0 };
    told.set(region, { first, times: times + 1 });
    return times < STALE_ANSWERS ? first : answer;
  };
};

/** It was done, and the caller hears of an error: whether to try again must not matter. */
const lostAnswer = (): Lie => (answer) =>
  answer.status < 300
    ? { ...withBody(answer, ''), status: 500, headers: { 'content-type': answer.headers?.['content-type'] ?? '' } }
    : answer;

const asRunning = (service: Record<string, unknown>) => ({ ...service, runningCount: service.desiredCount, pendingCount: 0 });
const listOf = (body: Record<string, unknown>, name: string) => body[name] as Record<string, unknown>[];

const READ_LIES: Record<string, WrongAnswer[]> = {
  'rds:DescribeDBInstances': [
    { name: 'early', lie: rewriting((xml) => xml.replace(/<DBInstanceStatus>[^<]*/g, '<DBInstanceStatus>available')) },
    { name: 'stale', lie: stale },
    { name: 'empty', lie: rewriting((xml) => xml.replace(/<DBInstances>.*<\/DBInstances>/s, '<DBInstances></DBInstances>')) },
  ],
  'rds:DescribeDBSnapshots': [
    { name: 'early', lie: rewriting((xml) => xml.replace(/<Status>[^<]*/g, '<Status>available')) },
    { name: 'stale', lie: stale },
    { name: 'empty', lie: rewriting((xml) => xml.replace(/<DBSnapshots>.*<\/DBSnapshots>/s, '<DBSnapshots></DBSnapshots>')) },
  ],
  'ecs:DescribeServices': [
    { name: 'early', lie: rewritingJson((body) => ({ ...body, services: listOf(body, 'services').map(asRunning) })) },
    { name: 'stale', lie: stale },
    { name: 'empty', lie: rewritingJson(() => ({ services: [], failures: [] })) },
  ],
  'dynamodb:Query': [{ name: 'empty', lie: rewritingJson((body) => ({ ...body, Items: [], Count: 0, ScannedCount: 0 })) }],
  'states:DescribeExecution': [
    { name: 'stale', lie: rewritingJson(({ stopDate: _, output: __, ...body }) => ({ ...body, status: 'RUNNING' })) },
  ],
};

/** What AWS could wrongly answer to this call; nothing where it could not. */
export function wrongAnswersTo(service: string, action: string): WrongAnswer[] {
  const call = `${service}:${action}`;
  if (TRUE_BY_PROMISE.has(call)) return [];
  if (READS.test(action)) return READ_LIES[call] ?? [];
  return [{ name: 'lost', lie: lostAnswer }];
}
