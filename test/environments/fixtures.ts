import type { EnvironmentInput } from '../../environments/schema.ts';

type WorkloadInput = EnvironmentInput['workloads'][number];

/** A workload with no more than it must have. */
export const workload = (name: string, changes: Partial<WorkloadInput> = {}): WorkloadInput => ({
  name,
  objectives: { rtoSeconds: 600, rpoSeconds: 60 },
  endpoint: {
    publicName: `${name}.example.com`,
    hostedZone: { name: 'example.com' },
    targets: { primary: `${name}.primary.example.net`, recovery: `${name}.recovery.example.net` },
    writePath: '/write',
  },
  ...changes,
});

/** A valid environment with no more than it must have. */
export const environment = (changes: Partial<EnvironmentInput> = {}): EnvironmentInput => ({
  name: 'test',
  account: '111111111111',
  sites: { primary: { region: 'eu-west-1' }, recovery: { region: 'eu-central-1' } },
  witness: { region: 'eu-west-2' },
  detection: { references: ['https://reference.example.net/'] },
  workloads: [workload('orders')],
  ...changes,
});

/** What a user may write who does not listen to the compiler. */
export const wrong = (value: unknown): never => value as never;
