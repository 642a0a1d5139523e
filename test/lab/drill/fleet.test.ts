import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { type Display, FleetDisplay, fleetTable, silentDisplay } from '../../../lab/drill/fleet/display.ts';
import { runFleet } from '../../../lab/drill/fleet/fleet.ts';
import { type Job, jobsOf, type Outcome } from '../../../lab/drill/fleet/job.ts';

const command = [process.execPath, join(import.meta.dirname, 'pretended-drill.mjs')];
const folder = mkdtempSync(join(tmpdir(), 'lifeboat-fleet-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Counts the drills that run. */
class Counter implements Display {
  running = 0;
  most = 0;
  readonly begun: string[] = [];
  readonly phases: string[] = [];
  begins({ scenario }: Job): void {
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    this.begun.push(scenario);
  }
  phase(_job: Job, title: string): void {
    this.phases.push(title);
  }
  ends(): void {
    this.running -= 1;
  }
  close(): void {}
}

const run = (names: string[], display: Display = silentDisplay, signal = new AbortController().signal, jobs = 2): Promise<Outcome[]> =>
  runFleet(jobsOf(names, folder), { jobs, keep: false, display, signal, command });

describe('a fleet of drills', () => {
  it('takes as verdict only what this very run reported, if its exit code agrees', async () => {
    mkdirSync(join(folder, '6-no-report'), { recursive: true });
    writeFileSync(join(folder, '6-no-report', 'report.json'), JSON.stringify({ scenario: 'no-report', passed: true }));
    const outcomes = await run(['holds', 'broken', 'of-another', 'contradicts', 'garbled', 'no-report']);
    expect(outcomes.map(({ job, result, why }) => [job.scenario, result?.passed ?? why])).toEqual([
      ['holds', true],
      ['broken', false],
      ['of-another', 'its report is of holds'],
      ['contradicts', 'its report says passed: true, its exit code 1'],
      ['garbled', expect.stringContaining('its report cannot be read')],
      ['no-report', 'exit code 2 and no report: the lab did not start'],
    ]);
  });

  it('runs as many at once as it may, never more, and hears their phases', async () => {
    const counter = new Counter();
    await run(['holds', 'holds', 'holds', 'holds', 'holds'], counter, undefined, 3);
    expect(counter.most).toBe(3);
    expect(counter.begun).toHaveLength(5);
    expect(counter.phases).toEqual(Array.from({ length: 5 }, () => 'holds works'));
  });

  it('stops what runs and begins nothing more when it is interrupted', async () => {
    const interrupt = new AbortController();
    const counter = new Counter();
    counter.phase = () => {
      if (counter.running === 2) interrupt.abort();
    };
    const outcomes = await run(['waits', 'waits', 'holds'], counter, interrupt.signal);
    expect(outcomes.map(({ why }) => why)).toEqual(['interrupted', 'interrupted']);
    expect(counter.begun).toEqual(['waits', 'waits']);
  });
});

describe('what a person sees of it', () => {
  const job: Job = { index: 1, scenario: 'split-brain', folder: '' };
  const result = {
    passed: true,
    reasons: [],
    rto: { measuredSeconds: 31.25 },
    rpo: { measuredSeconds: 0.4, rowsLost: 3 },
    writers: { overlappingWrites: 0 },
  }; // prettier-ignore
  const outcomes = [
    { job, seconds: 120, result },
    { job, seconds: 60, why: 'interrupted' },
  ] as unknown as Outcome[];

  it('a line for each drill when it has ended, with the reason where it broke', () => {
    const lines: string[] = [];
    const display = new FleetDisplay({ isTTY: false, write: (line: string) => lines.push(line) > 0 } as NodeJS.WriteStream, 12);
    display.begins(job);
    for (const outcome of outcomes) display.ends(outcome);
    expect(stripVTControlCharacters(lines.join(''))).toMatch(/✓ +1\/12 split-brain.*120 s.*\n.*✗ +1\/12 split-brain.*60 s.*interrupted/);
  });

  it('a table with a row for each scenario: the worst of its runs', () => {
    expect(stripVTControlCharacters(fleetTable(outcomes))).toMatch(/split-brain +1\/2 +31\.3 s +0\.4 s +3 +0 +90 s/);
  });
});
