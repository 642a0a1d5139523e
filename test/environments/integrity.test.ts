import { describe, expect, it } from 'vitest';
import { defineEnvironment } from '../../environments/define.ts';
import demo from '../../environments/demo.ts';
import type { EnvironmentInput } from '../../environments/schema.ts';

type Policy = NonNullable<NonNullable<EnvironmentInput['workloads'][number]['databases']>[number]['integrity']>;
const withPolicy = (integrity: Policy) =>
  defineEnvironment({
    ...demo,
    workloads: demo.workloads.map((workload) => ({
      ...workload,
      databases: workload.databases.map((database) => ({ ...database, integrity })),
    })),
  });

describe('an integrity policy', () => {
  it('is complete with nothing said', () => {
    const { integrity } = withPolicy({}).workloads[0]!.databases[0]!;
    expect(integrity).toMatchObject({ schedule: 'rate(15 minutes)', timeZone: 'UTC', rowsAt: 'standby', pages: true, assertions: [] });
  });

  it.each([
    [{ schedule: 'every day' }, 'integrity.schedule: is '],
    [{ timeZone: 'Europe/Atlantis' }, 'a time zone of the IANA database'],
    [{ json: [{ table: 'orders; DROP TABLE orders', column: 'details' }] }, 'json[0].table'],
    [{ checksums: [{ table: 'orders', column: 'a"b', expression: 'x' }] }, 'checksums[0].column'],
    [{ overdueAfterMinutes: 20 }, 'overdueAfterMinutes: is 20 but a round comes every 15 minutes; give at least twice that'],
    [
      {
        assertions: [
          { name: 'a', sql: 'SELECT true' },
          { name: 'a', sql: 'SELECT 1' },
        ],
      },
      "assertions[1].name: is 'a', which is used before",
    ],
  ])('refuses %j', (policy, message) => {
    expect(() => withPolicy(policy as Policy)).toThrow(message);
  });
});
