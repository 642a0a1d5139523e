import type { Fault } from '../gateway/faults.ts';
import type { CallRecord } from '../types.ts';

/** What happens to a call. `killed`: the run is stopped while the call is under way. */
export const FAULTS = ['throttle-3', 'throttle', 'server-error', 'timeout', 'access-denied', 'killed'] as const;
export type FaultName = (typeof FAULTS)[number];

/** One attack: every call of this kind by this step, and what happens to it. */
export interface Cell {
  /** The function, without what all have in common. */
  step: string;
  service: string;
  action: string;
  fault: FaultName;
}

export const nameOf = ({ step, service, action, fault }: Cell): string => `${step} ${service}:${action} ${fault}`;

/** The attacks on the calls that a clean run made: each kind of call of each step, with each fault, in the order of the run. */
export function cellsOf(calls: readonly CallRecord[]): Cell[] {
  const kinds = new Map(
    calls.map(({ principal, service, action }) => [`${principal} ${service} ${action}`, { principal, service, action }]),
  );
  const prefix = commonPrefix([...kinds.values()].map(({ principal }) => principal));
  return [...kinds.values()].flatMap(({ principal, service, action }) =>
    FAULTS.map((fault) => ({ step: principal.slice(prefix.length), service, action, fault })),
  );
}

/** Some of them, the same for the same seed, spread over the whole. */
export function sample(cells: readonly Cell[], count: number, seed: number): Cell[] {
  let state = seed >>> 0 || 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const keyed = cells.map((cell, index) => ({ cell, index, key: random() }));
  const chosen = keyed.sort((a, b) => a.key - b.key).slice(0, count);
  return chosen.sort((a, b) => a.index - b.index).map(({ cell }) => cell);
}

/** The fault as the gateway knows it; a run to be killed is held up first. */
export function faultOf({ service, action, fault }: Cell, principal: string): Fault {
  const which = { principal, service, action };
  switch (fault) {
    case 'throttle-3':
      return { ...which, kind: 'throttle', count: 3 };
    case 'killed':
      return { ...which, kind: 'latency', latencyMs: 3_000 };
    default:
      return { ...which, kind: fault };
  }
}

function commonPrefix(names: readonly string[]): string {
  const [first = '', ...others] = names;
  let length = others.length === 0 ? 0 : first.length;
  while (length > 0 && !others.every((name) => name.startsWith(first.slice(0, length)))) length -= 1;
  return first.slice(0, first.lastIndexOf('-', length - 1) + 1);
}
