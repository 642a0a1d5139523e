import { claimIsLive, decideGuard, decideTake, type Lease } from '../../../lambdas/kit/lease.ts';
import type { SiteName } from '../../../lambdas/kit/plan.ts';
import { type Pledge, pledgeHasEnded } from '../../../lambdas/kit/pledges.ts';
import { type Behaviour, type Engine, type Place, type Step, Unanswered } from './engine.ts';
import { type Flaw, type ModelDatabase, type ModelLedger, type ModelPledges, PARAMETERS } from './state.ts';

/** What a process of one site can reach, and its own clock. */
export interface Surroundings {
  site: SiteName;
  engine: Engine;
  ledger: ModelLedger;
  database: ModelDatabase;
  other: ModelDatabase;
  /** In this site's own table, and in the other's. */
  pledges: ModelPledges;
  otherPledges: ModelPledges;
  /** lease.failsafe */
  failsafe: boolean;
  flaws: ReadonlySet<Flaw>;
  /** Its wall clock's error. */
  clockErrorMs: number;
  /** Told what the invariants look at. */
  saw(what: 'promotion' | 'rebuild', facts: { site: SiteName; lease: Lease; wasReplica: boolean }): void;
}

const { ttlMs, renewEveryMs, maxClockSkewMs, fenceLeadMs, claimTtlMs } = PARAMETERS;

function* call<T>(to: Place, apply: () => T): Generator<Step, T, unknown> {
  return (yield { to, apply }) as T;
}
function* sleep(sleepMs: number): Generator<Step, void, unknown> {
  yield { sleepMs };
}
const wallOf = ({ engine, clockErrorMs }: Surroundings): number => engine.now + clockErrorMs;

/** The flaw: a claim that only looks stops the holder. */
const asGuardSees = (lease: Lease, flaws: ReadonlySet<Flaw>): Lease =>
  lease.claim && flaws.has('a claim fences before the outage is confirmed') ? { ...lease, claim: { ...lease.claim, acting: true } } : lease;

/** lambdas/detection/guard.ts, step by step. */
export function* guard(around: Surroundings): Behaviour {
  const memory: Memory = {};
  for (;;) {
    const began = around.engine.now;
    try {
      yield* guardRound(around, memory);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      if (error.by === 'ledger' && !memory.fencedLocally) yield* goOnWithoutLedger(around, memory);
      yield* closeWhenOverdue(around, memory);
    }
    yield* sleep(Math.max(0, renewEveryMs - (around.engine.now - began)));
  }
}

interface Memory {
  deadline?: number;
  epoch?: number;
  fencedLocally?: boolean;
}

function* guardRound(around: Surroundings, memory: Memory): Generator<Step, void, unknown> {
  const { ledger, site, flaws, database } = around;
  const lease = yield* call('ledger', ledger.read);
  switch (decideGuard(asGuardSees(lease, flaws), site, wallOf(around))) {
    case 'renew':
      return yield* renew(around, memory, lease);
    case 'yield':
      memory.epoch = undefined;
      return yield* letGo(around, lease);
    case 'retake': {
      const asked = around.engine.now;
      const wall = wallOf(around);
      if (!(yield* call('ledger', () => ledger.retake(lease, wall)))) return;
      hold(memory, lease.epoch + 1, asked + ttlMs);
      yield* open(around, memory, lease.epoch + 1);
      return;
    }
    case 'fence':
      memory.deadline = undefined;
      memory.epoch = undefined;
      // Ours ended at the latest when the other's began.
      yield* call('database', () => database.role === 'writer' && database.fence(lease.epoch - 1));
  }
}

function* renew(around: Surroundings, memory: Memory, lease: Lease): Generator<Step, void, unknown> {
  const { engine, ledger, flaws, database } = around;
  let asked = engine.now;
  const expiresAt = wallOf(around) + ttlMs;
  const openEarly = flaws.has('logins opened before the renewal');
  try {
    // The heartbeat, which fails where there is no writer.
    yield* call('database', () => openEarly && database.openLogins());
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
  }
  if (!(yield* call('ledger', () => ledger.renew(lease, expiresAt)))) return;
  if (flaws.has('renewal counted from its answer')) asked = engine.now;
  hold(memory, lease.epoch, asked + ttlMs);
  // Closed in an epoch that was not given up after all: only a new epoch opens it again.
  if ((yield* open(around, memory, lease.epoch)) === 'refused' && database.role === 'writer') {
    memory.epoch = undefined;
    yield* letGo(around, lease);
  }
}

const hold = (memory: Memory, epoch: number, deadline: number): void => {
  Object.assign(memory, { epoch, deadline, fencedLocally: false });
};

/** lambdas/detection/failsafe.ts: by the other site's pledge, or by the policy `available`. */
function* goOnWithoutLedger(around: Surroundings, memory: Memory): Generator<Step, void, unknown> {
  const { engine, site, pledges, otherPledges, flaws } = around;
  try {
    const standing = memory.epoch === undefined ? yield* call('own table', () => pledges.standing) : undefined;
    const epoch = memory.epoch ?? (standing && standing.until > wallOf(around) ? standing.epoch : undefined);
    if (epoch === undefined) return;
    const deadline = engine.now + ttlMs;
    const now = wallOf(around);
    let word: boolean | undefined;
    try {
      word = around.failsafe ? yield* call('other table', () => otherPledges.ask({ site, epoch, now, until: now + ttlMs })) : undefined;
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
    }
    if (!(word ?? flaws.has('policy available'))) return;
    memory.deadline = Math.max(memory.deadline ?? deadline, deadline);
    memory.epoch = epoch;
    yield* open(around, memory, epoch, 'extend');
    yield* call('own table', () => {
      pledges.standing = { epoch, until: now + ttlMs };
    });
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
  }
}

/** The database's right to write, until the local deadline less the lead; then the logins, unless the ledger did not say so. */
function* open(
  around: Surroundings,
  { deadline }: Memory,
  epoch: number,
  how: 'open' | 'extend' = 'open',
): Generator<Step, 'renewed' | 'refused', unknown> {
  const { engine, database, flaws } = around;
  const openLogins = () => how === 'open' && database.openLogins();
  const readAt = yield* call('database', () => engine.now);
  const remaining = deadline! - fenceLeadMs - engine.now;
  if (remaining <= 0) return 'renewed';
  if (!database.leased) {
    yield* call('database', openLogins);
    return 'renewed';
  }
  return yield* call('database', () => {
    const from = flaws.has('database deadline counted from the arrival') ? engine.now : readAt;
    const result = database.renew(epoch, from + remaining);
    if (result === 'renewed') openLogins();
    return result;
  });
}

function* letGo({ ledger, database, flaws }: Surroundings, lease: Lease): Generator<Step, void, unknown> {
  const releaseFirst = flaws.has('release before fence');
  if (releaseFirst) yield* call('ledger', () => ledger.release(lease));
  if (!(yield* call('database', () => database.fence(lease.epoch)))) return;
  if (!releaseFirst) yield* call('ledger', () => ledger.release(lease));
}

/** Policy strict. The database lease has ended by itself by then; this ends the sessions. */
function* closeWhenOverdue({ engine, database }: Surroundings, memory: Memory): Generator<Step, void, unknown> {
  if (memory.deadline === undefined || memory.fencedLocally || engine.now < memory.deadline - fenceLeadMs) return;
  try {
    memory.fencedLocally = yield* call('database', () => {
      if (database.accepts(engine.now) && database.leased) return false; // another loop has renewed
      if (database.role === 'writer') database.loginsOpen = false;
      return true;
    });
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
  }
}

export interface RunRequest {
  incident: string;
  mode: 'failover' | 'switchover';
  /** Time between the claim and the first act: confirmation, lag, a person's answer. */
  decisionMs: number;
  confirmed: boolean;
}

/** statemachines/failover.asl.json with its steps, in the site that is activated. Its steps are retried for a bounded time. */
export function* run(around: Surroundings, request: RunRequest): Behaviour {
  const { ledger } = around;
  try {
    yield* attempt(around, request);
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
  }
  try {
    yield* call('ledger', () => ledger.dropClaim(request.incident));
  } catch {
    // The claim expires.
  }
}

function* attempt(around: Surroundings, request: RunRequest): Generator<Step, void, unknown> {
  const { engine, ledger, site, flaws } = around;
  const opened = yield* call('ledger', ledger.read);
  const resumes = opened.holder === site && opened.serving !== site;
  const wall = wallOf(around);
  if ((opened.holder === site && !resumes) || (claimIsLive(opened, wall) && opened.claim!.incident !== request.incident)) return;
  const claim: NonNullable<Lease['claim']> = {
    site,
    incident: request.incident,
    execution: request.incident,
    mode: request.mode,
    expiresAt: wall + claimTtlMs,
  };
  if (!(yield* call('ledger', () => ledger.claim(opened, claim, wall)))) return;
  yield* sleep(request.decisionMs);
  if (!request.confirmed) return;
  const stillOpen = yield* call('ledger', ledger.read);
  const here = around.database.role;
  if (!flaws.has('a database that is no standby is promoted') && stillOpen.holder !== site && here !== 'replica') return;
  if (!claimIsLive(stillOpen, wallOf(around)) || stillOpen.claim!.incident !== request.incident) return;
  if (!(yield* call('ledger', () => ledger.claim(stillOpen, { ...claim, acting: true }, wallOf(around))))) return;
  if (!(yield* take(around, request, engine.now + ttlMs + 4 * renewEveryMs))) return;
  yield* promote(around);
  for (const until = engine.now + 30_000; engine.now < until; yield* sleep(1_000)) {
    const accepted = yield* call('database', () => around.database.accepts(engine.now));
    if (!accepted) continue;
    const lease = yield* call('ledger', ledger.read);
    yield* call('ledger', () => ledger.serve(lease, site));
    return;
  }
}

function* take(around: Surroundings, { incident, mode }: RunRequest, until: number): Generator<Step, boolean, unknown> {
  const { engine, ledger, site, pledges, flaws } = around;
  for (; engine.now < until; yield* sleep(1_000)) {
    const lease = yield* call('ledger', ledger.read);
    const now = wallOf(around);
    const decision = decideTake(lease, { site, incident, now, maxClockSkewMs: flaws.has('no skew bound') ? 0 : maxClockSkewMs });
    if (decision === 'lost') return false;
    if (flaws.has('promotion without take')) return true;
    if (decision === 'held') {
      if (hasEnded(around, yield* call('own table', () => pledges.close(lease.epoch - 1)))) return true;
      continue;
    }
    const pledge = yield* call('own table', () => pledges.suspend(now + ttlMs + maxClockSkewMs));
    const waits = decision === 'wait' && !flaws.has('no expiry wait');
    // A planned move waits for the holder to let go, whatever has expired.
    if (waits || (mode === 'switchover' && !lease.released) || !hasEnded(around, pledge)) continue;
    if (!(yield* call('ledger', () => ledger.take(lease, { site, incident, now })))) continue;
    if (hasEnded(around, yield* call('own table', () => pledges.close(lease.epoch)))) return true;
  }
  return false;
}

const hasEnded = (around: Surroundings, pledge: Pledge): boolean =>
  pledgeHasEnded(pledge, wallOf(around), around.flaws.has('no skew bound') ? 0 : maxClockSkewMs);

function* promote({ ledger, site, database, flaws, saw }: Surroundings): Generator<Step, void, unknown> {
  const lease = yield* call('ledger', ledger.read);
  if (lease.holder !== site && !flaws.has('promotion without take')) return;
  yield* call('database', () => {
    const wasReplica = database.role === 'replica';
    saw('promotion', { site, lease, wasReplica });
    database.promote(lease.epoch);
  });
}

/** lambdas/failover/reconcile-site.ts: an old writer is fenced, what only it holds is kept, and it follows the other site again. */
export function* reconciler(around: Surroundings): Behaviour {
  const { ledger, site, database, other, saw } = around;
  for (;;) {
    try {
      const lease = yield* call('ledger', ledger.read);
      const isStandby = lease.holder !== site && lease.serving === lease.holder && lease.movedAt !== undefined;
      if (isStandby && !claimIsLive(lease, wallOf(around)))
        yield* call('database', () => {
          if (database.role !== 'writer' || other.role !== 'writer' || !database.fence(lease.epoch - 1)) return;
          saw('rebuild', { site, lease, wasReplica: false });
          database.follow(other);
        });
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
    }
    yield* sleep(10_000);
  }
}
