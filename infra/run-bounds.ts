import { runBoundSeconds, type WaitingStep, waitBoundsOf } from '../environments/budget.ts';
import { WORKLOADS_PER_RUN } from '../environments/run-size.ts';
import type { Environment } from '../environments/schema.ts';

/** Workloads of a wave that the machine recovers at once: `MaxConcurrency` of its inner Map. */
const AT_ONCE = 10;

/** One machine serves all workloads: of each wait the longest that any of them needs. */
export const longestWaits = (environment: Environment): Record<WaitingStep, number> => {
  const all = environment.workloads.map((workload) => waitBoundsOf(environment, workload));
  const longest = (step: WaitingStep) => Math.max(...all.map((bounds) => bounds[step]));
  return Object.fromEntries((Object.keys(all[0]!) as WaitingStep[]).map((step) => [step, longest(step)])) as Record<WaitingStep, number>;
};

/** The bound of a whole run: its waves one after the other, each in as many rounds as it has tens of workloads. */
export const runTimeoutSeconds = (environment: Environment): number => {
  const longest = Math.max(...environment.workloads.map((workload) => runBoundSeconds(environment, workload)));
  const most = Math.min(environment.workloads.length, WORKLOADS_PER_RUN);
  const rounds = waveCount(environment) + Math.floor(most / AT_ONCE);
  return rounds * longest;
};

/** The longest chain of dependencies; the environment has no circles. */
const waveCount = ({ workloads }: Environment): number => {
  const depth = (name: string): number =>
    1 + Math.max(0, ...(workloads.find((workload) => workload.name === name)?.dependsOn ?? []).map(depth));
  return Math.max(...workloads.map(({ name }) => depth(name)));
};
