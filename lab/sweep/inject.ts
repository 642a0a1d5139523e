import type { Fault } from '../gateway/faults.ts';
import type { Region } from '../types.ts';
import type { Cell } from './cells.ts';
import { wrongAnswersTo } from './lies.ts';

/** Long enough for what is done meanwhile, and shorter than any function's patience with a call. */
const HOLD_MS = 3_000;

/** What is done once, while a call is held up. */
export interface Deeds {
  darken: () => unknown;
  kill: () => unknown;
}

/** An attack as the gateway knows it: this function's calls of this kind, in its region. */
export function faultOf(cell: Cell, { principal, source }: { principal: string; source: Region }, deeds: Deeds): Fault {
  const { service, action, fault, lie } = cell;
  const which = { principal, source, service, action };
  switch (fault) {
    case 'throttle-3':
      return { ...which, kind: 'throttle', count: 3 };
    case 'wrong-answer':
      return {
        ...which,
        kind: fault,
        lie: wrongAnswersTo(service, action)
          .find(({ name }) => name === lie)!
          .lie(),
      };
    case 'dark-here':
      return { ...which, kind: 'latency', latencyMs: HOLD_MS, count: 1, onHit: deeds.darken };
    case 'killed':
      return { ...which, kind: 'latency', latencyMs: HOLD_MS, onHit: once(deeds.kill) };
    default:
      return { ...which, kind: fault };
  }
}

function once(deed: () => unknown): () => void {
  let done = false;
  return () => {
    if (!done) deed();
    done = true;
  };
}
