import pc from 'picocolors';
import { type Job, type Outcome, passed } from './job.ts';

/** What a person sees of a fleet of drills. */
export interface Display {
  begins(job: Job): void;
  phase(job: Job, title: string): void;
  ends(outcome: Outcome): void;
  close(): void;
}

/** Says nothing. */
export const silentDisplay: Display = { begins: () => {}, phase: () => {}, ends: () => {}, close: () => {} };

const TICK_MS = 500;

/** A line for each drill: on a terminal it is redrawn with the phase while the drill runs; elsewhere it is written when the drill ends. */
export class FleetDisplay implements Display {
  private readonly running = new Map<Job, { since: number; phase: string }>();
  private drawn = 0;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly total: number,
  ) {}

  begins(job: Job): void {
    this.running.set(job, { since: Date.now(), phase: 'begins' });
    if (!this.out.isTTY || this.timer) return;
    this.timer = setInterval(() => this.draw(), TICK_MS);
    this.timer.unref();
  }

  phase(job: Job, title: string): void {
    const state = this.running.get(job);
    if (state) state.phase = title;
  }

  ends(outcome: Outcome): void {
    this.running.delete(outcome.job);
    this.clear();
    this.out.write(`${this.line(outcome)}\n`);
    this.draw();
  }

  close(): void {
    clearInterval(this.timer);
    this.clear();
  }

  private line({ job, seconds, result, why }: Outcome): string {
    const mark = result?.passed ? pc.green('✓') : pc.red('✗');
    const text = `${mark} ${this.name(job)} ${pc.dim(`${seconds.toFixed(0)} s`)}`;
    const broken = why ?? result?.reasons.join('; ');
    return broken ? `${text} ${pc.red(broken)}` : text;
  }

  private draw(): void {
    if (!this.out.isTTY) return;
    this.clear();
    const width = (this.out.columns ?? 120) - 1;
    for (const [job, { since, phase }] of this.running) {
      const text = `… ${this.name(job)} ${((Date.now() - since) / 1_000).toFixed(0)} s ${phase}`;
      this.out.write(`${text.slice(0, width)}\n`);
    }
    this.drawn = this.running.size;
  }

  private clear(): void {
    if (this.drawn > 0) this.out.write(`\x1b[${this.drawn}A\x1b[J`);
    this.drawn = 0;
  }

  private name(job: Job): string {
    return `${String(job.index).padStart(String(this.total).length)}/${this.total} ${job.scenario}`;
  }
}

/** A row for each scenario: how often it held, how long the outage was at most, what was lost. */
export function fleetTable(outcomes: readonly Outcome[]): string {
  const names = [...new Set(outcomes.map(({ job }) => job.scenario))];
  const width = Math.max(8, ...names.map((name) => name.length));
  const rows = names.map((name) =>
    rowOf(
      name,
      width,
      outcomes.filter(({ job }) => job.scenario === name),
    ),
  ); // prettier-ignore
  const head = `${'scenario'.padEnd(width)}   held   RTO worst   RPO worst   lost  overlaps   time`;
  return [pc.bold(head), ...rows].join('\n');
}

function rowOf(name: string, width: number, outcomes: readonly Outcome[]): string {
  const results = outcomes.flatMap(({ result }) => result ?? []);
  const worst = (of: (result: (typeof results)[number]) => number): number => Math.max(0, ...results.map(of));
  const held = outcomes.filter(passed).length;
  const seconds = outcomes.reduce((sum, outcome) => sum + outcome.seconds, 0) / outcomes.length;
  const rto = worst(({ rto: { measuredSeconds } }) => measuredSeconds ?? Number.POSITIVE_INFINITY);
  const cells = [
    `${held}/${outcomes.length}`.padStart(6),
    (Number.isFinite(rto) ? `${rto.toFixed(1)} s` : '∞').padStart(11),
    `${worst(({ rpo }) => rpo.measuredSeconds).toFixed(1)} s`.padStart(11),
    String(results.reduce((sum, { rpo }) => sum + rpo.rowsLost, 0)).padStart(6),
    String(results.reduce((sum, { writers }) => sum + writers.overlappingWrites, 0)).padStart(9),
    `${seconds.toFixed(0)} s`.padStart(7),
  ];
  const line = `${name.padEnd(width)} ${cells.join(' ')}`;
  return held === outcomes.length ? line : pc.red(line);
}
