import type { CallRecord } from '../types.ts';
import { wrongAnswersTo } from './lies.ts';

/**
 * What happens to a call. `throttle-3`: three times, then it is served. `throttle`, `server-error`, `timeout`, `access-denied`: for good.
 * `wrong-answer`: AWS says something that is not so. `dark-here`: while the call is under way another region goes dark.
 * `killed`: the run is stopped while the call is under way.
 */
export const FAULTS = [
  'throttle-3',
  'throttle',
  'server-error',
  'timeout',
  'access-denied',
  'wrong-answer',
  'dark-here',
  'killed',
] as const;
export type FaultName = (typeof FAULTS)[number];

/** A kind of call: a step, and what it asks of AWS. */
export interface CallKind {
  /** The function, or the role in another account that one takes on, without what all have in common. */
  step: string;
  service: string;
  action: string;
}

/** One attack: every call of this kind, and what happens to it. */
export interface Cell extends CallKind {
  fault: FaultName;
  /** Which wrong answer. */
  lie?: string;
}

export const kindOf = ({ step, service, action }: CallKind): string => `${step} ${service}:${action}`;
export const nameOf = ({ fault, lie, ...kind }: Cell): string => `${kindOf(kind)} ${fault}${lie ? ` (${lie})` : ''}`;

/** The kinds of calls that a clean run made, in the order of the run. */
export function kindsOf(calls: readonly CallRecord[]): CallKind[] {
  const kinds = new Map(
    calls.map(({ principal, service, action }) => [`${principal} ${service} ${action}`, { principal, service, action }]),
  );
  const prefix = commonPrefix([...kinds.values()].map(({ principal }) => nameIn(principal)));
  return [...kinds.values()].map(({ principal, service, action }) => ({ step: nameIn(principal).slice(prefix.length), service, action }));
}

/** The attacks on these kinds of calls: each with each fault, and with each wrong answer that it could get. */
export const cellsOf = (kinds: readonly CallKind[]): Cell[] =>
  kinds.flatMap((kind) =>
    FAULTS.flatMap((fault): Cell[] =>
      fault === 'wrong-answer'
        ? wrongAnswersTo(kind.service, kind.action).map(({ name }) => ({ ...kind, fault, lie: name }))
        : [{ ...kind, fault }],
    ),
  );

/** All of them in an order that is spread over the whole and the same for the same seed; at most so many. */
export function sample(cells: readonly Cell[], count: number, seed: number): Cell[] {
  let state = seed >>> 0 || 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const keyed = cells.map((cell) => ({ cell, key: random() }));
  return keyed
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ cell }) => cell);
}

/** A function's name; of a role that one takes on the name in its ARN. */
const nameIn = (principal: string): string => principal.slice(principal.lastIndexOf('/') + 1);

function commonPrefix(names: readonly string[]): string {
  const [first = '', ...others] = names;
  let length = others.length === 0 ? 0 : first.length;
  while (length > 0 && !others.every((name) => name.startsWith(first.slice(0, length)))) length -= 1;
  return first.slice(0, first.lastIndexOf('-', length - 1) + 1);
}
