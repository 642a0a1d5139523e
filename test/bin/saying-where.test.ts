import { afterEach, describe, expect, it, vi } from 'vitest';
import { sayingWhere } from '../../bin/commands/saying-where.ts';
import type { Ledger } from '../../lambdas/kit/ledger.ts';
import { called } from './calls.ts';

afterEach(() => vi.unstubAllEnvs());

const thrown = async (error: object): Promise<unknown> => {
  const ledger = { get: () => Promise.reject(error) } as unknown as Ledger;
  const asked = sayingWhere(ledger, { table: 'lifeboat-demo-ledger', region: 'us-west-2', other: 'us-east-1' });
  return asked.get({ pk: 'a', sk: 'b' }).catch((caught: unknown) => caught);
};
const named = (name: string, message: string, fields: object = {}) => Object.assign(new Error(message), { name, ...fields });

describe('a ledger that does not answer', () => {
  it.each([
    [named('TimeoutError', 'no answer in 4000 ms'), 'TimeoutError: no answer in 4000 ms'],
    [named('ResourceNotFoundException', 'Requested resource not found'), 'ResourceNotFoundException: Requested resource not found'],
    [named('Error', 'getaddrinfo ENOTFOUND', { code: 'ENOTFOUND' }), 'Error: getaddrinfo ENOTFOUND'],
    [named('AggregateError', '', { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [named('Error', 'connect ENETUNREACH', { code: 'ENETUNREACH' }), 'Error: connect ENETUNREACH'],
  ])('is named with its table, its region and the other one: %s', async (error, why) => {
    expect((await thrown(error)) as Error).toMatchObject({
      message: `the ledger, table lifeboat-demo-ledger in us-west-2, does not answer (${why}); the other site's is asked with --region us-east-1`,
      cause: error,
    });
  });

  it('is none where it answered with a refusal, which another region would give too', async () => {
    const error = named('AccessDeniedException', 'not authorized');
    expect(await thrown(error)).toBe(error);
  });

  it.each([
    [[], 'us-west-2', 'us-east-1'],
    [['--region', 'us-east-1'], 'us-east-1', 'us-west-2'],
  ])('is what the command asks (%j), and one line says so', async (region, asked, other) => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    const { code, stdout, stderr } = await called(['--env', 'demo', ...region, 'incident', 'run-1']);
    expect(stderr).toMatch(/^lifeboat: .*\n$/);
    expect(stderr).toContain(`table lifeboat-demo-ledger in ${asked}, does not answer`);
    expect(stderr).toContain(`--region ${other}`);
    expect([code, stdout]).toEqual([1, '']);
  });
});
