import fc from 'fast-check';
import { expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { Guard } from '../../lambdas/detection/guard.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
import { databaseOf, leaseOf, NOW } from '../kit/services.ts';
import { Engine } from './model/engine.ts';
import { guard } from './model/processes.ts';
import { ModelDatabase, ModelLedger } from './model/state.ts';

interface Situation {
  lease: Lease;
  /** Did the lease change between the reading and the write? */
  won: boolean;
  isWriter: boolean;
  closed: boolean;
}

const claim: NonNullable<Lease['claim']> = {
  site: 'recovery',
  incident: 'run-1',
  execution: 'run-1',
  mode: 'failover',
  expiresAt: NOW + 60_000,
  acting: true,
};
const situation: fc.Arbitrary<Situation> = fc.record({
  lease: fc
    .record({
      holder: fc.constantFrom('primary' as const, 'recovery' as const),
      released: fc.boolean(),
      claim: fc.constantFrom(
        undefined,
        claim,
        { ...claim, expiresAt: NOW - 1 },
        { ...claim, site: 'primary' as const },
        { ...claim, acting: false },
      ),
    })
    .map(leaseOf),
  won: fc.boolean(),
  isWriter: fc.boolean(),
  closed: fc.boolean(),
});

/** What the guard of the primary site asks for in one round, in order. */
const roundOfCode = async ({ lease, won, isWriter, closed }: Situation): Promise<string[]> => {
  const asked: string[] = [];
  const note = <T>(what: string, answer: T): T => {
    asked.push(what);
    return answer;
  };
  const database = databaseOf({
    role: async () => (isWriter ? 'writer' : 'replica'),
    fence: async (epoch) => note(`fence ${epoch}`, { finalLsn: '0/1', endedSessions: 0 }),
    open: async (epoch) => note(`open ${epoch}`, closed ? 'refused' : 'renewed'),
  });
  await new Guard(demo.workloads[0]!, {
    plan: demo,
    site: 'primary',
    ledger: {
      lease: async () => note('read', lease),
      createLease: async () => note('create', won),
      renew: async () => note('renew', won),
      release: async () => note('release', won),
      retake: async () => note('retake', won),
    },
    databases: [database],
    now: () => NOW,
    monotonic: () => 0,
    log: () => {},
  }).round();
  return asked;
};

const roundOfModel = ({ lease, won, isWriter, closed }: Situation): string[] => {
  const asked: string[] = [];
  const note = <T>(what: string, answer: T): T => {
    asked.push(what);
    return answer;
  };
  const flaws = new Set<never>();
  const ledger = Object.assign(new ModelLedger(flaws), {
    read: () => note('read', lease),
    renew: () => note('renew', won),
    release: () => note('release', won),
    retake: () => note('retake', won),
  });
  const database = Object.assign(new ModelDatabase('primary', isWriter ? 'writer' : 'replica', flaws, 0), {
    fence: (epoch: number) => note(`fence ${epoch}`, true),
    renew: (epoch: number) => note(`open ${epoch}`, closed ? ('refused' as const) : ('renewed' as const)),
  });
  const engine = new Engine({ seed: 1, lost: 0, doubled: 0, slow: 0, slowestMs: 0, cuts: [], calmAt: 0 });
  const behaviour = guard({ site: 'primary', engine, ledger, database, other: database, flaws, clockErrorMs: NOW, saw: () => {} });
  let step = behaviour.next();
  while (!step.done && 'apply' in step.value) step = behaviour.next(step.value.apply());
  return asked;
};

it('the guard of the model does what the guard does, in the same order', async () => {
  const same = fc.asyncProperty(situation, async (each) => {
    // A standby refuses nothing: the renewal fails there.
    fc.pre(each.isWriter || !each.closed);
    expect(roundOfModel(each)).toEqual(await roundOfCode(each));
  });
  await fc.assert(same, { numRuns: 500 });
});
