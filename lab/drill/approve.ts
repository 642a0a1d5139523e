import type { Region } from '../types.ts';
import type { Drill } from './drill.ts';

/** Answer a run's question as a person does: with the command that the question names. */
export function approve(drill: Drill, region: Region, incident: string): Promise<void> {
  const about = ['--workload', 'orders', '--env', drill.environment, '--region', region];
  const words = ['approve', incident, ...about, '--reason', 'the drill accepts it'];
  return drill.lab.lifeboat('internet', region, words, drill.parts.signal);
}
