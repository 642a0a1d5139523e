import { carries, type ProcessEntry, processTable, workingDirectory } from '../../process/table.ts';
import type { Region } from '../../types.ts';
import type { Drill } from '../drill.ts';

/** The sandboxes in which a function of this lab runs. */
export const sandboxesOf = (drill: Drill, region: Region, functionName: string): ProcessEntry[] =>
  ofThisLab(drill, '').filter(
    ({ pid }) => carries(pid, `AWS_LAMBDA_FUNCTION_NAME=${functionName}`) && carries(pid, `AWS_REGION=${region}`),
  );

/** AWS ends sandboxes as it likes: what these functions remembered is gone. */
export const endSandboxes = (drill: Drill, region: Region, steps: readonly string[]): void =>
  killAll(
    steps.flatMap((step) => sandboxesOf(drill, region, `lifeboat-${drill.environment}-${step}`)),
    `sandbox of ${steps.join(', ')} in ${region}`,
  );

/** The processes of a region's database servers: postmasters, and what they started. */
export function serversIn(drill: Drill, region: Region): { postmasters: ProcessEntry[]; children: ProcessEntry[] } {
  const all = ofThisLab(drill, `rds/${region}/`).filter(({ command }) => command.includes('postgres'));
  const own = new Set(all.map(({ pid }) => pid));
  return { postmasters: all.filter(({ parent }) => !own.has(parent)), children: all.filter(({ parent }) => own.has(parent)) };
}

export function killAll(processes: readonly ProcessEntry[], what: string): void {
  if (processes.length === 0) throw new Error(`there is no ${what} to kill`);
  for (const { pid } of processes) process.kill(pid, 'SIGKILL');
}

/** Processes whose working directory lies in the run's folder, so that no other lab's are meant. */
function ofThisLab(drill: Drill, below: string): ProcessEntry[] {
  const folder = `${drill.lab.folder}/${below}`;
  return [...processTable().values()].filter(({ pid }) => workingDirectory(pid)?.startsWith(folder));
}
