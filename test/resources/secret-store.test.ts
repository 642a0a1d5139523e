import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SecretStore } from '../../lambdas/resources/secret-store.ts';
import { startFakeAws } from './fake-aws.ts';

const clean = { username: 'lifeboat', password: 'new' };
const REPLICA = "Operation not permitted on a replica secret. Call must be made in primary secret's region.";

describe('the login in a secret', () => {
  let aws: { close: () => void };
  let value = '';
  let refusal: { code: string; message: string } | undefined;
  let writes = 0;

  beforeAll(async () => {
    aws = await startFakeAws('us-east-1', (body, response, request) => {
      const answer = (status: number, given: object) =>
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(given));
      if (String(request.headers['x-amz-target']).endsWith('GetSecretValue')) return void answer(200, { SecretString: value });
      writes += 1;
      if (refusal) return void answer(400, { __type: refusal.code, Message: refusal.message, message: refusal.message });
      value = JSON.parse(body).SecretString;
      answer(200, {});
    });
  });
  beforeEach(() => {
    value = JSON.stringify({ username: 'lifeboat', password: 'old' });
    refusal = undefined;
    writes = 0;
  });
  afterAll(() => aws.close());
  const store = () => new SecretStore('us-west-2');

  it('is replaced once', async () => {
    expect([await store().replace('s', clean), await store().replace('s', clean), writes]).toEqual(['held', 'held', 1]);
    expect(await store().holds('s', clean)).toBe(true);
  });

  it.each(['InvalidParameterException', 'InvalidRequestException'])('is not written to a replica, which says so by %s', async (code) => {
    refusal = { code, message: REPLICA };
    expect(await store().replace('s', clean)).toBe('replica');
    expect(await store().holds('s', clean)).toBe(false);
    value = JSON.stringify(clean);
    expect(await store().replace('s', clean)).toBe('held');
  });

  it('that is refused for another reason fails', async () => {
    refusal = { code: 'InvalidParameterException', message: 'too long' };
    await expect(store().replace('s', clean)).rejects.toThrow('too long');
  });
});
