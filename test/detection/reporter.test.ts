import { describe, expect, it } from 'vitest';
import { reporter } from '../../lambdas/detection/reporter.ts';

describe('reporter', () => {
  it('reports every round while a workload is down, once more when it is up again, and else once a minute', async () => {
    const puts: string[] = [];
    let clock = 0;
    const report = reporter(
      async (data) => void puts.push(`${clock / 1000}: ${data.map(({ name, value }) => `${name}=${value}`).join(' ')}`),
      () => clock,
    );
    const round = (value: 0 | 1) => report([{ name: 'WorkloadDown', workload: 'orders', value }]);
    for (const [at, value] of [
      [0, 0],
      [10_000, 0],
      [20_000, 1],
      [30_000, 1],
      [40_000, 0],
      [50_000, 0],
      [60_000, 0],
    ] as const) {
      clock = at;
      await round(value);
    }
    expect(puts).toEqual([
      '0: WorkloadDown=0 WatchBeat=1',
      '20: WorkloadDown=1',
      '30: WorkloadDown=1',
      '40: WorkloadDown=0',
      '60: WorkloadDown=0 WatchBeat=1',
    ]);
  });

  it('tries the beat again when it could not be put', async () => {
    let refuse = true;
    const puts: number[] = [];
    const report = reporter(
      async (data) => {
        if (refuse) throw new Error('AccessDenied');
        puts.push(data.length);
      },
      () => 0,
    );
    await expect(report([])).rejects.toThrow('AccessDenied');
    refuse = false;
    await report([]);
    expect(puts).toEqual([1]);
  });
});
