import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Matrix } from '../../../lab/sweep/matrix.ts';
import { SweepFailed, type SweepOptions, sweep } from '../../../lab/sweep/sweep.ts';
import { markdownOf } from '../../../lab/sweep/table.ts';

const folder = mkdtempSync(join(tmpdir(), 'lifeboat-sweep-'));
const file = join(folder, 'switchover.json');
afterEach(() => rmSync(file, { force: true }));

const pretended = [process.execPath, join(import.meta.dirname, 'pretended-laboratory.mjs')];
const run = async (pretend: string, options: Partial<SweepOptions> = {}): Promise<{ matrix: Matrix; lines: string[] }> => {
  const matrix = new Matrix(file, 'switchover');
  const lines: string[] = [];
  const command = ['/usr/bin/env', `PRETEND=${pretend}`, ...pretended];
  const say = (line: string) => void lines.push(line);
  await sweep({ matrix, jobs: 1, perLaboratory: 5, seed: 1, say, signal: new AbortController().signal, command, ...options });
  return { matrix, lines };
};

describe('a sweep', () => {
  it('makes each attack once, in laboratories of a few attacks each, several at once', async () => {
    const { matrix } = await run('well', { jobs: 2 });
    expect(matrix.judged).toHaveLength(matrix.cells.length);
    expect(matrix.left(matrix.cells)).toEqual([]);
    expect(matrix.labs.reduce((sum, { attacks }) => sum + attacks, 0)).toBe(matrix.cells.length);
    expect(Math.max(...matrix.labs.map(({ attacks }) => attacks))).toBeLessThanOrEqual(5);
  });

  it('goes on where it ended, and says how many of how many', async () => {
    await run('well', { sample: 3 });
    const { matrix } = await run('well', { sample: 4 });
    expect(matrix.judged).toHaveLength(4);
    expect(matrix.labs.map(({ attacks }) => attacks)).toEqual([3, 1]);
    const text = markdownOf(matrix, 'npm run sweep');
    expect(text).toContain('Over the whole history of each laboratory what its campaign promises was held');
    expect(markdownOf(new Matrix(join(folder, 'none.json'), 'switchover'), 'npm run sweep')).toContain('No laboratory came to its end');
    expect(text).toContain(
      '4 of 14 attacks were run, in 2 laboratories: recovered 4, stopped 0, interrupted 0, hang 0, false success 0, two writers 0',
    );
    expect(text).toContain('| a | dynamodb:GetItem |');
  });

  it('makes again those that are named, and no other', async () => {
    const { matrix: before } = await run('well');
    before.forget('throttle');
    const { matrix } = await run('well', { only: 'throttle-3' });
    const left = matrix.left(matrix.cells).map(({ fault }) => fault);
    expect(left).toEqual(Array(left.length).fill('throttle'));
    expect(left.length).toBeGreaterThan(0);
  });

  it('repeats the attack during which a laboratory died, and gives up where none lives', async () => {
    await expect(run('dies')).rejects.toThrow(SweepFailed);
    const { matrix } = await run('well');
    expect(matrix.judged).toHaveLength(matrix.cells.length);
  });

  it('gives up where no laboratory starts', async () => {
    await expect(run('dead')).rejects.toThrow('two laboratories in a row made no clean run');
  });

  it('counts a laboratory that broke before its first attack for nothing', async () => {
    await expect(run('falls over')).rejects.toThrow('two laboratories in a row made no clean run');
    expect(new Matrix(file, 'switchover').labs).toEqual([]);
  });

  it('keeps what a whole laboratory broke', async () => {
    const { matrix, lines } = await run('broken', { sample: 1 });
    expect(matrix.labs).toEqual([{ attacks: 1, broken: ['two writers'] }]);
    expect(lines.at(-1)).toContain('two writers');
    expect(markdownOf(matrix, '')).toContain('Broken over the history of a laboratory: two writers.');
  });

  it('ends at an interrupt, with what was judged by then', async () => {
    const interrupt = new AbortController();
    const matrix = new Matrix(file, 'switchover');
    const command = ['/usr/bin/env', 'PRETEND=well', ...pretended];
    const say = () => (matrix.judged.length >= 2 ? interrupt.abort() : undefined);
    await sweep({ matrix, jobs: 1, perLaboratory: 5, seed: 1, say, signal: interrupt.signal, command });
    expect(matrix.judged.length).toBeLessThan(matrix.cells.length);
    expect(new Matrix(file, 'switchover').judged).toEqual(matrix.judged);
  });
});
