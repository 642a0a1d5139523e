import { describe, expect, it } from 'vitest';
import { defineEnvironment, InvalidEnvironment } from '../../environments/define.ts';
import type { EnvironmentInput } from '../../environments/schema.ts';
import { environment, workload, wrong } from './fixtures.ts';

const problemsOf = (input: EnvironmentInput): readonly string[] => {
  try {
    defineEnvironment(input);
    return [];
  } catch (error) {
    if (error instanceof InvalidEnvironment) return error.problems;
    throw error;
  }
};

describe('a valid environment', () => {
  it('gets the written defaults', () => {
    const { lease, dns, failover, consistency, terminationProtection } = defineEnvironment(environment());
    expect(lease).toEqual({
      ttlSeconds: 20,
      renewEverySeconds: 5,
      maxClockSkewSeconds: 1,
      fenceLeadSeconds: 5,
      policy: 'strict',
      failsafe: true,
    });
    expect(dns).toEqual({ ttlSeconds: 30, checkIntervalSeconds: 10, failureThreshold: 1 });
    expect(failover.policy).toBe('approval');
    expect(consistency).toBe('strong');
    expect(terminationProtection).toBe(true);
  });
});

describe('rules', () => {
  const rules: [string, Partial<EnvironmentInput>, RegExp][] = [
    [
      'equal sites',
      { sites: { primary: { region: 'eu-west-2' }, recovery: { region: 'eu-west-2' } }, witness: { region: 'eu-west-1' } },
      /^sites\.recovery\.region: is eu-west-2, the primary/,
    ],
    ['a witness in a site', { witness: { region: 'eu-west-1' } }, /^witness\.region: is eu-west-1, .*third region/],
    [
      'strong consistency across sets',
      { witness: { region: 'us-east-1' } },
      /^consistency: is 'strong'.*eu-west-1, eu-central-1, us-east-1.*'eventual'/,
    ],
    [
      'automatic on an eventual ledger',
      { consistency: 'eventual', failover: { policy: 'automatic' } },
      /^failover\.policy: .*acceptedRisks/,
    ],
    ['a lease that one lost renewal ends', { lease: { ttlSeconds: 15 } }, /^lease\.ttlSeconds: is 15 but must be over 15 \(2 x/],
    [
      'a lease too short for a pledge',
      { lease: { ttlSeconds: 16 } },
      /^lease\.ttlSeconds: is 16 but must be over 17 \(.*for the pledge.*failsafe: false$/,
    ],
    [
      'availability before safety where an alarm decides',
      { lease: { policy: 'available' }, failover: { policy: 'automatic' } },
      /^lease\.policy: is 'available' under failover\.policy 'automatic'.*'strict'.*'approval'/,
    ],
    [
      'automatic past a guard that may be dead',
      {
        failover: { policy: 'automatic' },
        workloads: [
          workload('orders', {
            databases: [
              {
                kind: 'rds-postgres-replica',
                name: 'orders',
                instances: { primary: 'a', recovery: 'b' },
                secret: 's',
                databaseName: 'd',
                applicationRoles: ['r'],
                enforcement: 'guard',
              },
            ],
          }),
        ],
      },
      /^workloads\[0\]\.databases\[0\]\.enforcement: is 'guard' under the policy 'automatic'.*acceptedRisks/,
    ],
    [
      'two workloads of one name',
      { workloads: [workload('a'), workload('a', { endpoint: workload('b').endpoint })] },
      /^workloads\[1\]\.name: is 'a', which is used before/,
    ],
    [
      'two workloads under one public name',
      { workloads: [workload('a'), workload('b', { endpoint: workload('a').endpoint })] },
      /^workloads\[1\]\.endpoint\.publicName: is 'a\.example\.com'/,
    ],
    [
      'a dependency that is not there',
      { workloads: [workload('a', { dependsOn: ['z'] })] },
      /^workloads\[0\]\.dependsOn\[0\]: is 'z', which is no workload here; there are: a/,
    ],
    [
      'a circle',
      { workloads: [workload('a', { dependsOn: ['b'] }), workload('b', { dependsOn: ['a'] })] },
      /^workloads\[0\]\.dependsOn: is a circle: a -> b -> a/,
    ],
    [
      'a name outside its zone',
      { workloads: [workload('a', { endpoint: { ...workload('a').endpoint, hostedZone: { name: 'example.org' } } })] },
      /^workloads\[0\]\.endpoint\.publicName: is a\.example\.com, .*\.example\.org/,
    ],
  ]; // prettier-ignore

  it.each(['orders-', 'orders--eu', '-orders', 'Orders', 'o'.repeat(31)])(
    'the name %s, which RDS refuses in what is named after it',
    (name) => {
      const [problem] = problemsOf(environment({ workloads: [workload(name)] }));
      expect(problem).toMatch(/^workloads\[0\]\.name: is '.*'; give a workload: lower-case letters, digits and single hyphens/);
    },
  );

  it.each(rules)('%s is one problem', (_, changes, expected) => {
    const problems = problemsOf(environment(changes));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  it('an RTO that the waits cannot meet shows the sum', () => {
    const [problem, ...others] = problemsOf(
      environment({ workloads: [workload('orders', { objectives: { rtoSeconds: 60, rpoSeconds: 0 } })] }),
    );
    expect(others).toEqual([]);
    expect(problem).toMatch(/^workloads\[0\]\.objectives\.rtoSeconds: is 60 s but a failover of 'orders' takes up to (\d+) s: /);
    const [, total = ''] = /up to (\d+) s/.exec(problem!)!;
    const parts = [...problem!.slice(problem!.indexOf(' s: ')).matchAll(/ (\d+) s/g)].map(([, seconds]) => Number(seconds));
    expect(parts.reduce((sum, seconds) => sum + seconds, 0)).toBe(Number(total));
  });
});

describe('shapes', () => {
  const shapes: [string, EnvironmentInput, string][] = [
    ['a missing field', wrong({ ...environment(), account: undefined }), 'account: is missing; give a string'],
    ['a wrong format', environment({ account: '1234' }), "account: is '1234'; give an AWS account id, 12 digits"],
    [
      'a wrong choice',
      environment({ failover: { policy: wrong('auto') } }),
      "failover.policy: is 'auto'; accepted: 'automatic', 'approval', 'manual'",
    ],
    ['a wrong number', environment({ dns: { checkIntervalSeconds: wrong(20) } }), 'dns.checkIntervalSeconds: is 20; accepted: 10, 30'],
    ['a number that is too small', environment({ lease: { ttlSeconds: 1 } }), 'lease.ttlSeconds: is 1; give at least 10'],
    [
      'an interval that leaves periods of the alarm empty',
      environment({ detection: { intervalSeconds: 11, references: ['https://reference.example.net/'] } }),
      'detection.intervalSeconds: is 11; give at most 10: WorkloadDown has periods of 10 s, one without a probe is not down, and it never fires',
    ],
    ['an empty list', environment({ workloads: [] }), 'workloads: is []; give at least 1 of them'],
    ['an unknown key', environment({ witness: wrong({ region: 'eu-west-2', zone: 1 }) }), "witness: has no 'zone'; it has: region"],
    [
      'an unknown kind',
      environment({ workloads: [workload('a', { databases: [wrong({ kind: 'aurora' })] })] }),
      "workloads[0].databases[0].kind: is 'aurora'; accepted: 'rds-postgres-replica'",
    ],
  ]; // prettier-ignore

  it.each(shapes)('%s is one problem that says what is accepted', (_, input, expected) => {
    expect(problemsOf(input)).toEqual([expected]);
  });

  it('does not run rules on what cannot be read, and runs all others', () => {
    const input = environment({
      account: '1',
      witness: wrong({ region: 7 }),
      lease: { ttlSeconds: 15 },
      workloads: [
        wrong('orders'),
        workload('a', { name: 'No', dependsOn: ['a'] }),
        workload('b'),
        workload('b', { endpoint: workload('c').endpoint }),
      ],
    });
    expect(problemsOf(input).map((problem) => problem.slice(0, problem.indexOf(':')))).toEqual([
      'account',
      'witness.region',
      'workloads[0]',
      'workloads[1].name',
      'lease.ttlSeconds',
      'workloads[3].name',
    ]);
  });

  it.each([undefined, null, 'text', 42, []])('%j as an environment is a problem, not a crash', (input) => {
    expect(problemsOf(wrong(input)).length).toBeGreaterThan(0);
  });
});
