import type { Region } from '../types.ts';
import type { Drill } from './drill.ts';

/** Answer a run's question as a person does: with the command that the question names. */
export function approve(drill: Drill, region: Region, incident: string): Promise<void> {
  const words = ['approve', incident, '--workload', 'orders', '--env', drill.environment, '--region', region];
  return drill.lab.lifeboat('internet', region, words, drill.parts.signal);
}
