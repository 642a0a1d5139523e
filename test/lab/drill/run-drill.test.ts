import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Verdict } from '../../../lab/drill/judge/verdict.ts';
import { silent } from '../../../lab/drill/progress.ts';
import { Owner, runDrill } from '../../../lab/drill/run-drill.ts';
import { saveReport } from '../../../lab/drill/save-report.ts';
import type { Scenario } from '../../../lab/drill/scenario.ts';
import { regionFailure } from '../../../lab/drill/scenarios/region-failure.ts';
import { startSmallLab } from './small-lab.ts';
import { StandIn } from './stand-in.ts';

const folder = mkdtempSync(join(tmpdir(), 'drill-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const drill = (scenario: Scenario, standIn = new StandIn()): Promise<Verdict> =>
  runDrill(scenario, {
    startLab: (options) => startSmallLab(options, standIn),
    progress: process.env.DRILL_LOG ? { phase: console.error, say: console.error, end: () => {} } : silent,
    signal: new AbortController().signal,
    keep: false,
    steadyWrites: 50,
    owner: new Owner(),
  });

/** The scenario, with fewer orders. */
const quick: Scenario = {
  ...regionFailure,
  async run(work) {
    await work.blackout(work.primary);
    await work.failover(work.recovery, 30_000);
    await work.writes(100, { site: work.recovery, boundMs: 20_000 });
  },
};

describe('a drill, from the provisioned workload to the report', () => {
  it('judges a region failure that was survived', { timeout: 60_000 }, async () => {
    const verdict = await drill(quick);
    expect(verdict.result.reasons).toEqual([]);
    expect(verdict.result).toMatchObject({ passed: true, execution: { status: 'SUCCEEDED' }, writers: { overlapSeconds: 0 } });
    expect(verdict.result.rpo.rowsAcknowledged).toBeGreaterThan(140);
    expect(verdict.result.rto.phases).toHaveProperty(['Promote database']);
    expect(verdict.findings.evidence.databases.map(({ site, unread }) => [site, unread])).toEqual([
      ['us-west-2', undefined],
      ['us-east-1', undefined],
    ]);
    saveReport(folder, regionFailure, verdict);
    expect(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'))).toEqual(verdict.result);
    expect(existsSync(join(folder, 'client-ledger.jsonl'))).toBe(true);
  });

  it('fails a run that ends without having moved anything', { timeout: 60_000 }, async () => {
    const impatient: Scenario = {
      ...regionFailure,
      async run(work) {
        await work.blackout(work.primary);
        await work.failover(work.recovery, 10_000);
        await work.writes(1, { site: work.recovery, boundMs: 3_000 });
      },
    };
    const { result } = await drill(impatient, new StandIn({ idle: true }));
    expect(result).toMatchObject({ passed: false, rto: { measuredSeconds: null }, execution: { status: 'SUCCEEDED' } });
    expect(result.reasons.join('; ')).toMatch(/0 of 1 writes acknowledged by us-west-2.*without end/);
  });
});
