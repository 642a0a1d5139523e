import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import type { Judged } from '../../lab/sweep/matrix.ts';

const BOUND_MS = 500_000;
const SAMPLE = 2;
const report = mkdtempSync(join(tmpdir(), 'lifeboat-sweep-'));
afterAll(() => rmSync(report, { recursive: true }));

// A sample of `docs/fault-sweep.md`: a clean run says what there is to attack, and two attacks on it are judged.
it(
  'attacks calls of a planned move, which comes to a defined end each time',
  async () => {
    const flags = ['--machine', 'switchover', '--sample', String(SAMPLE), '--json', '--report', report];
    const command = ['--import', 'tsx', 'lab/sweep/cli.ts', ...flags];
    const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: BOUND_MS, maxBuffer: 64e6 });
    const { held, machines } = JSON.parse(stdout);
    expect({ held, machines }).toMatchObject({
      held: true,
      machines: [{ machine: 'switchover', labs: [{ attacks: SAMPLE, broken: [] }] }],
    });
    const [{ attacks, judged }] = machines as [{ attacks: number; judged: Judged[] }];
    expect(attacks).toBeGreaterThan(150);
    expect(judged).toHaveLength(SAMPLE);
    for (const { outcome, detail } of judged) expect(['recovered', 'stopped', 'interrupted'], detail).toContain(outcome);
    expect(readFileSync(join(report, 'matrix.md'), 'utf8')).toContain(`${SAMPLE} of ${attacks}`);
  },
  BOUND_MS + 10_000,
);
