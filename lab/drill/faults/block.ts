import type { Drill } from '../drill.ts';

/** Nobody in these zones reaches these hosts any more; the hosts live. Returns what opens the ways again. */
export function blockAll(drill: Drill, zones: readonly string[], hosts: readonly string[]): () => void {
  const { network } = drill.lab;
  const open = zones.flatMap((zone) => hosts.map((host) => network.block(zone, host)));
  return () => {
    for (const one of open) one();
  };
}
