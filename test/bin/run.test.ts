import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Common } from '../../bin/commands/operator.ts';
import { called, operatorFor } from './calls.ts';

afterEach(() => vi.unstubAllEnvs());

const inDemo = (line: string) => called(['--env', 'demo', ...line.split(' ')]);

describe('wrong usage ends with 2, before anything is called', () => {
  it.each([
    ['', 'Usage: lifeboat'],
    ['nonsense', "unknown command 'nonsense'"],
    ['status --nonsense', "unknown option '--nonsense'"],
    ['failover orders', "required option '--to <site>' not specified"],
    ['failover orders --to moon', 'Allowed choices are primary, recovery'],
    ['approve --workload orders --reason why', "missing required argument 'incident'"],
    ['lease', 'Usage: lifeboat lease'],
    ['lease install', "required option '--database <name>' not specified"],
  ])('%j, in the words of the parser', async (line, words) => {
    const { code, stderr } = await called(line.split(' ').filter(Boolean));
    expect(stderr).toContain(words);
    expect(code).toBe(2);
  });

  it.each([
    'failover ordres --to recovery',
    'switchover orders ordres --to recovery',
    'restore ordres --dry-run',
    'repair ordres --from instance --table orders --dry-run',
    'override-fence ordres --reason gone',
  ])('%s: the workload is unknown, and those that are known are named', async (line) => {
    const { code, stderr, stdout } = await inDemo(line);
    expect(stderr).toBe("lifeboat: no workload of environment 'demo': ordres; known: orders\n");
    expect([code, stdout]).toEqual([2, '']);
  });

  it.each([
    ['incidents --limit abc', "--limit takes a whole number from 1, not 'abc'"],
    ['incidents --limit 0', "--limit takes a whole number from 1, not '0'"],
    ['lease status --database orders --host localhost --port x', "--port takes a whole number from 1, not 'x'"],
    ['repair orders --from instance --table orders --dry-run --max-rows 1.5', "--max-rows takes a whole number from 1, not '1.5'"],
    ['--region moon status', "--region moon is no site of 'demo'; its sites: us-west-2, us-east-1"],
  ])('%s', async (line, words) => {
    const { code, stderr } = await inDemo(line);
    expect(stderr).toBe(`lifeboat: ${words}\n`);
    expect(code).toBe(2);
  });
});

it.each(['--help', 'help', 'failover --help'])('%s is help that was asked for', async (line) => {
  const { code, stdout, stderr } = await called(line.split(' '));
  expect(stdout).toContain('Usage: lifeboat');
  expect([code, stderr]).toEqual([0, '']);
});

it('says what the exit codes mean', async () => {
  expect((await called(['--help'])).stdout.replace(/\s+/g, ' ')).toContain(
    'Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 lost sight of a run that goes on.',
  );
});

it('is what the shell is told', () => {
  const program = join(import.meta.dirname, '../../bin/lifeboat.mjs');
  const { status, stderr } = spawnSync(process.execPath, [program, '--env', 'demo', 'incidents', '--limit', 'abc'], { encoding: 'utf8' });
  expect(stderr).toContain("lifeboat: --limit takes a whole number from 1, not 'abc'\n");
  expect(status).toBe(2);
});

describe('the environment', () => {
  it.each([undefined, ''])('has no default (LIFEBOAT_ENV is %j): those that there are and the fix are named', async (variable) => {
    vi.stubEnv('LIFEBOAT_ENV', variable);
    const { code, stderr } = await called(['status']);
    expect(stderr).toMatch(
      /^lifeboat: which environment\? Add --env <name>, or set LIFEBOAT_ENV; there are: demo, demo-approval, demo-backup, .*\n$/,
    );
    expect(code).toBe(2);
  });

  it('is named by the variable, and by the option before it', async () => {
    vi.stubEnv('LIFEBOAT_ENV', 'from-variable');
    const asked: (string | undefined)[] = [];
    const connectTo = async ({ env }: Common) => {
      asked.push(env);
      return operatorFor();
    };
    await called(['incidents'], connectTo);
    await called(['incidents', '--env', 'from-option'], connectTo);
    expect(asked).toEqual(['from-variable', 'from-option']);
  });

  it('that does not exist is wrong usage', async () => {
    const { code, stderr } = await called(['--env', 'prodd', 'status']);
    expect(stderr).toContain("There is no environment 'prodd'");
    expect(code).toBe(2);
  });
});
