import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SecretStore } from '../../lambdas/resources/secret-store.ts';

const clean = { username: 'lifeboat', password: 'new' };
const REPLICA = "Operation not permitted on a replica secret. Call must be made in primary secret's region.";

describe('the login in a secret', () => {
  let server: Server;
  let value = '';
  let refusal: { code: string; message: string } | undefined;
  let writes = 0;
  const saved = { ...process.env };
  const names = ['AWS_ENDPOINT_URL', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answer = (status: number, body: object) =>
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
      if (String(request.headers['x-amz-target']).endsWith('GetSecretValue')) return void answer(200, { SecretString: value });
      writes += 1;
      if (refusal) return void answer(400, { __type: refusal.code, Message: refusal.message, message: refusal.message });
      value = JSON.parse(Buffer.concat(chunks).toString()).SecretString;
      answer(200, {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    Object.assign(process.env, { AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' });
  });
  beforeEach(() => {
    value = JSON.stringify({ username: 'lifeboat', password: 'old' });
    refusal = undefined;
    writes = 0;
  });
  afterAll(() => {
    for (const name of names) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
    server.close();
  });
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
