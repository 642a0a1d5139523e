import type { Sample } from './metrics.ts';

const PERCENTILE = /^p(\d{1,2}(\.\d+)?|100)$/;

/** Can this statistic be computed here? (`SampleCount`, `Average`, `Sum`, `Minimum`, `Maximum`, `p99.9`.) */
export function isStatistic(name: string): boolean {
  return name in BASIC || PERCENTILE.test(name);
}

/** A statistic of one period's samples; undefined where there are none, or where a percentile meets values that are not known. */
export function statistic(name: string, samples: readonly Sample[]): number | undefined {
  if (samples.length === 0) return undefined;
  return BASIC[name]?.(samples) ?? percentile(Number(PERCENTILE.exec(name)?.[1]), samples);
}

const sumOf = (samples: readonly Sample[], field: 'sum' | 'count'): number => samples.reduce((total, sample) => total + sample[field], 0);

const BASIC: Record<string, (samples: readonly Sample[]) => number> = {
  SampleCount: (samples) => sumOf(samples, 'count'),
  Sum: (samples) => sumOf(samples, 'sum'),
  Average: (samples) => sumOf(samples, 'sum') / sumOf(samples, 'count'),
  Minimum: (samples) => Math.min(...samples.map(({ minimum }) => minimum)),
  Maximum: (samples) => Math.max(...samples.map(({ maximum }) => maximum)),
};

function percentile(percent: number, samples: readonly Sample[]): number | undefined {
  if (samples.some(({ values }) => values === undefined)) return undefined;
  const sorted = samples.flatMap(({ values }) => values!).sort((a, b) => a.value - b.value);
  const rank = (percent / 100) * sumOf(samples, 'count');
  let seen = 0;
  return sorted.find(({ count }) => {
    seen += count;
    return seen >= rank;
  })?.value;
}
