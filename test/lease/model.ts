import { otherSite, type SiteName } from '../../lambdas/kit/plan.ts';
import { Engine, Process, type Weather } from './model/engine.ts';
import { guard, type RunRequest, reconciler, run, type Surroundings } from './model/processes.ts';
import { type Flaw, ModelDatabase, ModelLedger, ModelPledges, PARAMETERS, sites } from './model/state.ts';

export type { Flaw } from './model/state.ts';

/** Everything that can go one way or another. Times are milliseconds from the start. */
export interface Schedule {
  weather: Weather;
  /** How wrong each site's clock is; at most half the bound either way, so that two differ by no more than the bound. */
  clockErrorMs: Record<SiteName, number>;
  /** From the check at commit to the acknowledgement: the database's deadline lies `fenceLead` before the ledger's for its sake. */
  commitLagMs: number;
  /** `lease.failsafe` of the environment. */
  failsafe: boolean;
  /** A second loop of the region overlaps with the first. */
  twoLoops: boolean;
  /** A process sleeps, and goes on as if nothing had been; or dies, and another begins in its place. */
  mishaps: readonly {
    to: 'guard' | 'second guard' | 'run' | 'reconciler';
    site: SiteName;
    at: number;
    forMs: number;
    what: 'pause' | 'crash';
  }[];
  runs: readonly (Omit<RunRequest, 'incident'> & { site: SiteName; at: number })[];
}

export interface Outcome {
  violations: string[];
  /** What was seen, for a report: takes, promotions, rows lost and kept. */
  takes: number;
  promotions: number;
  rowsKept: number;
  /** Times at which a client asked and neither site accepted. */
  refused: number;
}

const WRITE_EVERY_MS = 700;
/** After the calm: every claim and lease of before has ended, a resumed run has had its time, and the guards theirs. */
const SETTLED_MS = PARAMETERS.claimTtlMs + PARAMETERS.ttlMs + 45_000;

/** Plays one schedule and says which invariants broke. The first violation of the rule of one writer ends it. */
export const play = (schedule: Schedule, flaws: ReadonlySet<Flaw> = new Set()): Outcome => new Play(schedule, flaws).outcome();

class Play {
  private readonly engine: Engine;
  private readonly ledger: ModelLedger;
  private readonly databases: Record<SiteName, ModelDatabase>;
  private readonly pledges: Record<SiteName, ModelPledges>;
  private readonly processes = new Map<string, Process>();
  private readonly violations: string[] = [];
  private readonly acknowledged: number[] = [];
  private readonly kept = new Set<number>();
  private promotions = 0;
  private refused = 0;
  private runs = 0;
  private lastEpoch = 1;

  constructor(
    private readonly schedule: Schedule,
    private readonly flaws: ReadonlySet<Flaw>,
  ) {
    this.engine = new Engine(schedule.weather);
    this.ledger = new ModelLedger(flaws);
    const { commitLagMs } = schedule;
    this.databases = {
      primary: new ModelDatabase('primary', 'writer', flaws, commitLagMs),
      recovery: new ModelDatabase('recovery', 'replica', flaws, commitLagMs),
    };
    this.pledges = { primary: new ModelPledges(flaws), recovery: new ModelPledges(flaws) };
    this.databases.primary.renew(1, PARAMETERS.ttlMs - PARAMETERS.fenceLeadMs);
  }

  outcome(): Outcome {
    const { engine, schedule } = this;
    const { calmAt } = schedule.weather;
    for (const site of sites) {
      this.spawn('guard', site);
      this.spawn('reconciler', site);
      if (schedule.twoLoops) engine.at(2_500, () => this.spawn('second guard', site));
    }
    for (const mishap of schedule.mishaps) engine.at(mishap.at, () => this.mishap(mishap));
    for (const { at, site, ...request } of schedule.runs) engine.at(at, () => this.startRun(site, request));
    engine.at(0, () => this.clients());
    // An interrupted move is gone on with, as the next alarm or a person would.
    const resume = { mode: 'failover', decisionMs: 1_000, confirmed: true } as const;
    engine.at(calmAt + PARAMETERS.claimTtlMs + PARAMETERS.ttlMs, () => {
      if (this.ledger.lease.holder !== this.ledger.lease.serving) this.startRun(this.ledger.lease.holder, resume);
    });
    engine.run(calmAt + SETTLED_MS, () => this.check());
    if (this.violations.length === 0) this.checkEnd();
    const { violations, promotions, refused } = this;
    return { violations, promotions, refused, takes: this.ledger.history.length - 1, rowsKept: this.kept.size };
  }

  private around(site: SiteName): Surroundings {
    const { engine, ledger, databases, pledges, flaws } = this;
    const other = otherSite(site);
    return {
      site,
      engine,
      ledger,
      flaws,
      database: databases[site],
      other: databases[other],
      pledges: pledges[site],
      otherPledges: pledges[other],
      failsafe: this.schedule.failsafe,
      clockErrorMs: this.schedule.clockErrorMs[site],
      saw: (what, facts) => (what === 'promotion' ? this.sawPromotion(facts) : this.sawRebuild(facts)),
    };
  }

  private spawn(kind: 'guard' | 'second guard' | 'reconciler', site: SiteName): void {
    const behaviour = kind === 'reconciler' ? reconciler(this.around(site)) : guard(this.around(site));
    this.begin(new Process(`${kind} ${site}`, site, behaviour));
  }

  private startRun(site: SiteName, request: Omit<RunRequest, 'incident'>): void {
    const incident = `run-${++this.runs}`;
    this.begin(new Process(`run ${site}`, site, run(this.around(site), { ...request, incident })));
  }

  private begin(process: Process): void {
    this.processes.set(process.name, process);
    this.engine.start(process);
  }

  private mishap({ to, site, forMs, what }: Schedule['mishaps'][number]): void {
    const victim = this.processes.get(`${to} ${site}`);
    if (!victim?.alive) return;
    if (what === 'pause') {
      victim.pausedUntil = Math.max(victim.pausedUntil, this.engine.now + forMs);
      return;
    }
    victim.alive = false;
    if (to !== 'run') this.engine.at(this.engine.now + forMs, () => this.spawn(to, site));
  }

  /** In each site somebody writes without pause; what is accepted is acknowledged. A replica follows as far as the writer was a moment ago. */
  private clients(): void {
    const { databases, engine } = this;
    for (const site of sites) {
      const database = databases[site];
      if (database.role === 'replica' && databases[otherSite(site)].role === 'writer') database.replicate(databases[otherSite(site)]);
    }
    if (!sites.some((site) => databases[site].accepts(engine.now))) this.refused++;
    for (const site of sites)
      if (databases[site].accepts(engine.now)) {
        databases[site].rows.push(this.acknowledged.length);
        this.acknowledged.push(this.ledger.lease.epoch);
      }
    engine.at(engine.now + WRITE_EVERY_MS, () => this.clients());
  }

  private check(): boolean {
    const { databases, engine, ledger, violations } = this;
    if (databases.primary.accepts(engine.now) && databases.recovery.accepts(engine.now))
      violations.push(`L1: two writers at ${engine.now}`);
    const { epoch } = ledger.lease;
    if (epoch < this.lastEpoch || epoch > this.lastEpoch + 1) violations.push(`L2: epoch ${this.lastEpoch} became ${epoch}`);
    this.lastEpoch = epoch;
    return violations.length > 0;
  }

  private sawPromotion({ site, lease, wasReplica }: { site: SiteName; lease: { epoch: number }; wasReplica: boolean }): void {
    this.promotions++;
    const taken = this.ledger.history.some((each) => each.holder === site && each.epoch === lease.epoch);
    if (!taken) this.violations.push(`L3: ${site} promoted without a take`);
    // A writer already: well, if it has been the writer of all epochs since it became one.
    const { writerSince } = this.databases[site];
    const elsewhere = this.ledger.history.some(({ epoch, holder }) => epoch > writerSince && epoch <= lease.epoch && holder !== site);
    if (!wasReplica && elsewhere) this.violations.push(`L4: ${site} opened in epoch ${lease.epoch} without the rows of the epoch before`);
  }

  private sawRebuild({ site }: { site: SiteName }): void {
    if (this.ledger.lease.holder === site) this.violations.push(`L6: the active database of ${site} is rebuilt`);
    const there = new Set(this.databases[otherSite(site)].rows);
    for (const row of this.databases[site].rows) if (!there.has(row)) this.kept.add(row);
  }

  private checkEnd(): void {
    const { databases, ledger, engine, kept, violations } = this;
    const held = new Set([...databases.primary.rows, ...databases.recovery.rows]);
    const dropped = this.acknowledged.flatMap((_, row) => (held.has(row) || kept.has(row) ? [] : [row]));
    if (dropped.length > 0) violations.push(`L4: ${dropped.length} acknowledged rows are nowhere`);
    const { holder } = ledger.lease;
    if (!databases[holder].accepts(engine.now)) violations.push(`L5: ${holder} holds epoch ${ledger.lease.epoch} and cannot write`);
    const harmless = this.schedule.runs.every((each) => !each.confirmed);
    if (harmless && ledger.lease.epoch > 1 && this.schedule.mishaps.length === 0 && this.isFair())
      violations.push('L6: a site was fenced although nobody was to move');
  }

  private isFair(): boolean {
    const { cuts, lost, slow } = this.schedule.weather;
    return cuts.length === 0 && lost === 0 && slow === 0;
  }
}
