import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const BOUND_MS = 400_000;
const report = mkdtempSync(join(tmpdir(), 'lifeboat-report-'));
afterAll(() => rmSync(report, { recursive: true }));

// The main job, on real input: the stacks that `cdk synth` makes, deployed by the CDK CLI, a region killed under load. Its --json is
// judged here once more, by its documented shape and by the sums that a reader would check.
it(
  'fails over when the primary region is gone, and says what was lost and how long it took',
  async () => {
    const command = ['--import', 'tsx', 'lab/cli.ts', 'region-failure', '--json', '--report', report];
    const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: BOUND_MS, maxBuffer: 64e6 });
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual(
      expect.arrayContaining(['scenario', 'passed', 'reasons', 'rto', 'rpo', 'writers', 'calls', 'execution', 'timeline']),
    );
    expect(result).toMatchObject({ scenario: 'region-failure', passed: true, reasons: [], execution: { status: 'SUCCEEDED' } });
    expect(result.writers).toEqual({ overlapSeconds: 0, overlappingWrites: 0 });
    expect(result.calls).toMatchObject({ toFailedRegion: 0, toForeignControlPlane: 0 });
    const phases = Object.values<number>(result.rto.phases).reduce((sum, seconds) => sum + seconds, 0);
    expect(Math.abs(phases - result.rto.measuredSeconds)).toBeLessThan(1);
    expect(result.rpo.rowsAcknowledged).toBeGreaterThan(250);
    expect(result.rpo.measuredSeconds).toBeLessThanOrEqual(result.rpo.objectiveSeconds);
    expect(JSON.parse(readFileSync(join(report, 'report.json'), 'utf8')).scenario).toBe('region-failure');
    expect(existsSync(join(report, 'report.html'))).toBe(true);
  },
  BOUND_MS + 10_000,
);
