import fc from 'fast-check';
import { expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { Guard } from '../../lambdas/detection/guard.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
import { databaseOf, leaseOf, NOW } from '../kit/services.ts';
import { Engine, Unanswered } from './model/engine.ts';
import { guard } from './model/processes.ts';
import { ModelDatabase, ModelLedger, ModelPledges } from './model/state.ts';

interface Situation {
  /** Does the ledger answer? If not, does the other site, and what? */
  silence?: 'pledged' | 'refused' | 'no answer';
  /** What the loop before this one left. */
  standing?: { epoch: number; until: number };
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
  silence: fc.constantFrom(undefined, undefined, 'pledged' as const, 'refused' as const, 'no answer' as const),
  standing: fc.constantFrom(undefined, { epoch: 3, until: NOW + 1 }, { epoch: 3, until: NOW - 1 }),
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
const roundOfCode = async ({ lease, won, isWriter, closed, silence, standing }: Situation): Promise<string[]> => {
  const asked: string[] = [];
  const note = <T>(what: string, answer: T): T => {
    asked.push(what);
    return answer;
  };
  const database = databaseOf({
    role: async () => (isWriter ? 'writer' : 'replica'),
    fence: async (epoch) => note(`fence ${epoch}`, { finalLsn: '0/1', endedSessions: 0, proof: '' }),
    open: async (epoch) => note(`open ${epoch}`, closed ? 'refused' : 'renewed'),
    extend: async (epoch) => note(`extend ${epoch}`, closed ? 'refused' : 'renewed'),
  });
  const unanswered = async () => Promise.reject(new Error('no answer'));
  await new Guard(demo.workloads[0]!, {
    plan: demo,
    site: 'primary',
    ledger: {
      lease: async () => (silence ? unanswered() : note('read', lease)),
      createLease: async () => note('create', won),
      renew: async () => note('renew', won),
      release: async () => note('release', won),
      retake: async () => note('retake', won),
    },
    pledges: {
      ask: async (_, { epoch, until }) =>
        silence === 'no answer' ? unanswered() : note(`ask ${epoch} to +${until - NOW}`, silence === 'pledged'),
    },
    standings: {
      last: async () => standing,
      keep: async (_, { epoch, until }) => note(`keep ${epoch} to +${until - NOW}`, undefined),
    },
    databases: [database],
    now: () => NOW,
    monotonic: () => 0,
    log: () => {},
  }).round();
  return asked;
};

const roundOfModel = ({ lease, won, isWriter, closed, silence, standing }: Situation): string[] => {
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
    renew: (epoch: number) => note(`${silence ? 'extend' : 'open'} ${epoch}`, closed ? ('refused' as const) : ('renewed' as const)),
  });
  const pledges = new ModelPledges(flaws);
  Object.defineProperty(pledges, 'standing', {
    get: () => standing,
    set: ({ epoch, until }) => note(`keep ${epoch} to +${until - NOW}`, undefined),
  });
  const otherPledges = Object.assign(new ModelPledges(flaws), {
    ask: ({ epoch, until }: { epoch: number; until: number }) => note(`ask ${epoch} to +${until - NOW}`, silence === 'pledged'),
  });
  const engine = new Engine({ seed: 1, lost: 0, doubled: 0, slow: 0, slowestMs: 0, cuts: [], calmAt: 0 });
  const around = { ledger, database, other: database, pledges, otherPledges, failsafe: true, flaws };
  const behaviour = guard({ ...around, site: 'primary', engine, clockErrorMs: NOW, saw: () => {} });
  let step = behaviour.next();
  while (!step.done && 'apply' in step.value) {
    const { to, apply } = step.value;
    const isSilent = (silence !== undefined && to === 'ledger') || (silence === 'no answer' && to === 'other table');
    step = isSilent ? behaviour.throw(new Unanswered(to)) : behaviour.next(apply());
  }
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
