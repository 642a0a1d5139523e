import { messageOf } from '../kit/errors.ts';
import { decideGuard, type FenceProof, type Lease } from '../kit/lease.ts';
import type { Ledger } from '../kit/ledger.ts';
import type { Workload } from '../kit/plan.ts';
import type { DatabaseAdapter } from '../resources/database.ts';
import type { RenewalResult } from '../resources/postgres-lease.ts';
import { Failsafe, type FailsafeServices } from './failsafe.ts';

/** The ledger did not answer, which says nothing of what is in it. */
class LedgerSilent extends Error {
  override readonly name = 'LedgerSilent';
}

const silent = (cause: unknown): never => {
  throw new LedgerSilent(messageOf(cause), { cause });
};

export interface GuardServices extends FailsafeServices {
  ledger: Pick<Ledger, 'lease' | 'createLease' | 'renew' | 'release' | 'retake'>;
  databases: readonly DatabaseAdapter[];
}

/**
 * Keeps one workload's lease for its site, and its databases closed while another site holds it. One round is one reading of the
 * lease and one action; a round that fails is simply tried again, until the local deadline closes the databases.
 */
export class Guard {
  /** The lease as last read, shared with the observer so that it knows which site is active. */
  lease?: Lease;
  /** Monotonic time until which our last renewal surely counts. */
  private deadline?: number;
  /** The epoch that it renewed, while nothing says that it should let go. */
  private epoch?: number;
  private fencedLocally = false;
  private closing = false;
  /** Did the newest renewal come through to every database? A login or an address that could not be read keeps it from there. */
  private hasOpened = false;
  private silent?: boolean;
  private readonly failsafe: Failsafe;
  private readonly unleased = new Set<string>();

  constructor(
    private readonly workload: Workload,
    private readonly services: GuardServices,
  ) {
    this.failsafe = new Failsafe(workload.name, services);
  }

  /**
   * Does it know until when the workload may write, and have its databases heard so from it? Or that another site holds the lease? Before
   * that the loop before it must not end: it may be the only one that knows when to close, or how to get at the databases.
   */
  get isSettled(): boolean {
    if (this.deadline !== undefined) return this.hasOpened;
    return this.lease !== undefined && this.lease.holder !== this.services.site;
  }

  /** Did the ledger not answer in the last round? Nothing before the first one has ended: a loop begins each minute, and knows nothing. */
  get ledgerIsSilent(): boolean | undefined {
    return this.silent;
  }

  async round(): Promise<void> {
    const { now, site, ledger, log } = this.services;
    try {
      this.lease = await ledger.lease(this.workload.name).catch(silent);
      await (this.lease ? this.act(this.lease, decideGuard(this.lease, site, now())) : this.create());
      this.silent = false;
    } catch (error) {
      log('guard-round-failed', { workload: this.workload.name, error: messageOf(error) });
      this.silent = error instanceof LedgerSilent;
      if (this.silent) await this.goOnWithoutLedger();
      await this.closeWhenOverdue();
    }
  }

  /** What this guard has closed, only the ledger opens again. */
  private async goOnWithoutLedger(): Promise<void> {
    if (this.fencedLocally) return;
    try {
      const extension = await this.failsafe.extend(this.epoch);
      if (!extension) return;
      this.deadline = Math.max(this.deadline ?? extension.deadline, extension.deadline);
      this.epoch = extension.epoch;
      await Promise.all([this.open(extension.epoch, 'extend'), this.failsafe.remember(extension)]);
    } catch (error) {
      this.services.log('failsafe-failed', { workload: this.workload.name, error: messageOf(error) });
    }
  }

  private act(lease: Lease, decision: ReturnType<typeof decideGuard>): Promise<void> {
    switch (decision) {
      case 'renew':
        return this.renew(lease);
      case 'yield':
        return this.yield(lease);
      case 'retake':
        return this.retake(lease);
      case 'fence':
        return this.keepClosed(lease);
    }
  }

  /** The renewal counts from before it was asked for; a heartbeat that fails is no reason to lose the lease, since engines restart. */
  private async renew(lease: Lease): Promise<void> {
    const asked = this.services.monotonic();
    const ttlMs = this.services.plan.lease.ttlSeconds * 1000;
    const expiresAt = this.services.now() + ttlMs;
    const won = await this.services.ledger.renew(lease, expiresAt, await this.heartbeat(lease)).catch(silent);
    if (!won) return; // the lease changed since it was read: the next round sees how
    this.hold(lease.epoch, asked + ttlMs);
    // Closed in this epoch, and the release did not come through: only a new epoch opens it again.
    if ((await this.open(lease.epoch)).includes('refused')) await this.yield(lease);
  }

  private hold(epoch: number, deadline: number): void {
    this.epoch = epoch;
    this.deadline = deadline;
    this.fencedLocally = false;
  }

  /**
   * After the answer that allows it, and not for longer than the fence's lead before the deadline: the workload may write. `extend`
   * renews without opening logins that somebody closed.
   */
  private async open(epoch: number, how: 'open' | 'extend' = 'open'): Promise<RenewalResult[]> {
    const { plan, monotonic, databases, log } = this.services;
    const remainingMs = () => this.deadline! - plan.lease.fenceLeadSeconds * 1000 - monotonic();
    const opened = databases.map(async (database) => {
      try {
        const result = await database[how](epoch, remainingMs);
        this.noteProtection(database.name, result);
        return result;
      } catch (error) {
        log('database-not-opened', { workload: this.workload.name, database: database.name, error: messageOf(error) });
        return 'late';
      }
    });
    const results = await Promise.all(opened);
    this.hasOpened = !results.includes('late');
    return results;
  }

  /** Says it once when a database that should refuse writes by itself cannot. */
  private noteProtection(name: string, result: RenewalResult): void {
    const { enforcement } = this.workload.databases.find((database) => database.name === name) ?? {};
    if (result !== 'absent') this.unleased.delete(name);
    else if (enforcement === 'database' && !this.unleased.has(name)) {
      this.unleased.add(name);
      this.services.log('database-lease-not-installed', { workload: this.workload.name, database: name, fix: 'lifeboat lease install' });
    }
  }

  /** The oldest heartbeat of the workload's databases, or nothing when one of them could not be written. */
  private async heartbeat(lease: Lease): Promise<number | undefined> {
    try {
      const beats = await Promise.all(this.services.databases.map((database) => database.heartbeat(lease.epoch)));
      return beats.length > 0 ? Math.min(...beats) : this.services.now();
    } catch (error) {
      this.services.log('heartbeat-failed', { workload: this.workload.name, error: messageOf(error) });
      return undefined;
    }
  }

  private async yield(lease: Lease): Promise<void> {
    this.epoch = undefined; // from here on no pledge is asked for
    // A planned move is not worth a reboot: it gives up, and the site serves on.
    const proofs = await this.fence(lease.epoch, { byNetwork: lease.claim?.mode === 'failover' });
    const { site, now, log } = this.services;
    const released = await this.services.ledger.release(lease, { site, epoch: lease.epoch, at: now(), ...proofs }).catch(silent);
    log('lease-released', { workload: this.workload.name, epoch: lease.epoch, to: lease.claim?.site, released });
  }

  private async retake(lease: Lease): Promise<void> {
    const asked = this.services.monotonic();
    const ttlMs = this.services.plan.lease.ttlSeconds * 1000;
    if (!(await this.services.ledger.retake(lease, this.services.now(), ttlMs).catch(silent))) return;
    this.hold(lease.epoch + 1, asked + ttlMs);
    await this.open(lease.epoch + 1);
    this.services.log('lease-retaken', { workload: this.workload.name, epoch: lease.epoch + 1 });
  }

  /** Another site holds the lease: a database here that is no replica must not accept the workload's writes. */
  private async keepClosed(lease: Lease): Promise<void> {
    this.deadline = undefined;
    this.epoch = undefined;
    // Who cannot be asked may be a writer.
    const roleOf = (database: DatabaseAdapter) => database.role().catch(() => 'unknown' as const);
    const roles = await Promise.all(this.services.databases.map(async (database) => ({ database, role: await roleOf(database) })));
    const open = roles.filter(({ role }) => role === 'writer' || role === 'unknown');
    const results = await Promise.allSettled(
      open.map(async ({ database }) => ({ name: database.name, ...(await database.fence(lease.epoch - 1, { byNetwork: true })) })),
    );
    for (const result of results) {
      if (result.status !== 'fulfilled' || result.value.endedSessions === 0) continue;
      const { name, endedSessions } = result.value;
      this.services.log('returned-writer-fenced', { workload: this.workload.name, epoch: lease.epoch, database: name, endedSessions });
    }
    // One that cannot be closed yet keeps none of the others open.
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Nobody holds the workload yet: its home site begins, if its databases are writers indeed. */
  private async create(): Promise<void> {
    const { site, databases, ledger, plan, now } = this.services;
    if (site !== 'primary') return;
    const roles = await Promise.all(databases.map((database) => database.role()));
    if (roles.some((role) => role !== 'writer')) return;
    // A ledger made anew goes on where the databases are: an older epoch could not write to them.
    const epochs = await Promise.all(databases.map((database) => database.lastEpoch()));
    const lease: Lease = {
      workload: this.workload.name,
      holder: site,
      epoch: Math.max(0, ...epochs) + 1,
      expiresAt: now() + plan.lease.ttlSeconds * 1000,
      released: false,
      serving: site,
    };
    if (await ledger.createLease(lease)) this.lease = lease;
  }

  /** When the renewal is overdue: close before the lease can be another's. Also looked at while a round hangs. */
  async closeWhenOverdue(): Promise<void> {
    const { plan, monotonic, log } = this.services;
    if (this.deadline === undefined || this.fencedLocally || this.closing) return;
    if (monotonic() < this.deadline - plan.lease.fenceLeadSeconds * 1000) return;
    log('lease-not-renewed-in-time', { workload: this.workload.name });
    this.closing = true;
    const { deadline } = this;
    await this.fence()
      .then(() => {
        this.fencedLocally = this.deadline === deadline; // a renewal that came through meanwhile opens again
      })
      .catch((error: unknown) => log('fence-failed', { workload: this.workload.name, error: messageOf(error) }))
      .finally(() => {
        this.closing = false;
      });
  }

  private async fence(epoch?: number, ways?: { byNetwork: boolean }): Promise<Pick<FenceProof, 'finalLsn' | 'proof'>> {
    const fenced = await Promise.all(
      this.services.databases.map(async (database) => ({ name: database.name, ...(await database.fence(epoch, ways)) })),
    );
    return {
      finalLsn: Object.fromEntries(fenced.flatMap(({ name, finalLsn }) => (finalLsn === undefined ? [] : [[name, finalLsn]]))),
      proof: Object.fromEntries(fenced.map(({ name, proof }) => [name, proof])),
    };
  }
}
