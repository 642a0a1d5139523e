import http from 'node:http';
import { CreateFunctionUrlConfigCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { UrlRequest } from '../../../lab/lambda/function-url.ts';
import { client, createFunction } from './functions.ts';
import { EAST, startLab, type TestLab } from './lab.ts';

let lab: TestLab;
let lambda: LambdaClient;
let host: string;

beforeAll(async () => {
  lab = await startLab();
  lambda = client(lab.endpoint, EAST);
  host = await withUrl(
    'beacon',
    "export const handler = async (event) => event.rawPath === '/echo' ? event : JSON.parse(event.queryStringParameters.answer);",
    'NONE',
  );
}, 120_000);

afterAll(() => lab.stop());

async function withUrl(FunctionName: string, code: string, AuthType: 'NONE' | 'AWS_IAM'): Promise<string> {
  await createFunction(lambda, FunctionName, { 'index.mjs': code });
  const { FunctionUrl } = await lambda.send(new CreateFunctionUrlConfigCommand({ FunctionName, AuthType }));
  return new URL(FunctionUrl ?? '').hostname;
}

async function ask(request: Partial<UrlRequest>) {
  const { body, ...rest } = await lab.service.invokeUrl({ host, method: 'GET', path: '/', headers: {}, ...request });
  return { ...rest, body: body.toString() };
}

const answering = (answer: unknown) => ask({ path: `/?answer=${encodeURIComponent(JSON.stringify(answer))}` });

it('gets the request in payload format 2.0', async () => {
  const { status, body } = await ask({
    method: 'POST',
    path: '/echo?a=1&a=2&b=x%20y',
    headers: { 'Content-Type': 'text/plain', 'User-Agent': 'checker', Cookie: 'one=1; two=2' },
    body: Buffer.from('hello'),
  });
  expect(status).toBe(200);
  expect(JSON.parse(body)).toMatchObject({
    version: '2.0',
    rawPath: '/echo',
    rawQueryString: 'a=1&a=2&b=x%20y',
    queryStringParameters: { a: '1,2', b: 'x y' },
    cookies: ['one=1', 'two=2'],
    headers: { 'content-type': 'text/plain', host },
    requestContext: { http: { method: 'POST', path: '/echo', userAgent: 'checker' }, domainName: host },
    body: 'hello',
    isBase64Encoded: false,
  });
});

it.each([
  [{ statusCode: 503, headers: { 'Retry-After': 5 }, body: 'not here' }, 503, 'not here'],
  [{ statusCode: 200, body: 'aGk=', isBase64Encoded: true }, 200, 'hi'],
  [{ serving: 'recovery' }, 200, '{"serving":"recovery"}'],
  ['text', 200, 'text'],
])('answers what the function says: %j', async (given, status, body) => {
  expect(await answering(given)).toMatchObject({ status, body });
});

it('is a 502 where the function fails, a 403 without a signature where one is wanted, a 404 where no function is', async () => {
  expect((await ask({ path: '/?answer=broken' })).status).toBe(502);
  const guarded = await withUrl('guarded', 'export const handler = async () => 1', 'AWS_IAM');
  expect((await ask({ host: guarded })).status).toBe(403);
  expect((await ask({ host: `nobody.lambda-url.${EAST}.on.aws` })).status).toBe(404);
});

it('is published under its name and answers over HTTP', async () => {
  expect(await lab.service.publishUrls()).toContain(host);
  const { zone, port } = lab.published.get(`${host}:443`) ?? { zone: '', port: 0 };
  expect(zone).toBe(EAST);
  const path = `/?answer=${encodeURIComponent('{"statusCode":204,"cookies":["a=b"]}')}`;
  const status = await new Promise<[number | undefined, string[] | undefined]>((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path, headers: { host } }, (answer) => resolve([answer.statusCode, answer.headers['set-cookie']]))
      .on('error', reject);
  });
  expect(status).toEqual([204, ['a=b']]);
});
