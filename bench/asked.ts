import type { CallRecord } from '../lab/types.ts';

/** How much one step of a run asked RDS. */
export interface Asked {
  step: string;
  /** Times that the machine ran it. */
  polls: number;
  /** Describe and list calls. */
  lists: number;
  perDatabaseAndPoll: number;
  /** Answers of a quota or of a throttle, with their codes. */
  refused: string[];
}

const REFUSED = /Exceeded|Throttl/;

/** By step, in the order in which the machine first ran them. `runs` are the invocations of its functions, by name. */
export function askedOf(calls: readonly CallRecord[], runs: readonly string[], databases: number): Asked[] {
  return [...new Set(runs)].map((name) => {
    const own = calls.filter(({ service, principal }) => service === 'rds' && principal === name);
    const polls = runs.filter((one) => one === name).length;
    const lists = own.filter(({ action }) => /^(Describe|List)/.test(action)).length;
    const refused = own.flatMap(({ error = '' }) => (REFUSED.test(error) ? [error] : []));
    return { step: name.replace(/^lifeboat-[a-z0-9]+-/, ''), polls, lists, perDatabaseAndPoll: lists / polls / databases, refused };
  });
}
