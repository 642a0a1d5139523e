import type { Problem, Rule } from './problems.ts';
import type { Environment } from './schema.ts';

/**
 * The longest that a guard waits for the ledger before it asks for a pledge, and for that: two tries of 2 s with their pause, and one
 * of 2 s. `guardCalls` and `foreignCalls` in lambdas/kit/clients.ts hold them to it.
 */
const LEDGER_SECONDS = 5;
const PLEDGE_SECONDS = 2;

/** What a lease's numbers and its policy must satisfy. */
export const leaseProblems: Rule = (environment) => [...timeProblems(environment), ...policyProblems(environment)];

const tooShort = (ttlSeconds: number, needed: number, sum: string, why: string): Problem => ({
  path: ['lease', 'ttlSeconds'],
  message: `is ${ttlSeconds} but must be over ${needed} (${sum}): ${why}`,
});

const renewalProblems = ({ lease }: Environment): Problem[] => {
  const needed = lease.renewEverySeconds * 2 + lease.fenceLeadSeconds;
  if (needed < lease.ttlSeconds) return [];
  const sum = `2 x renewEverySeconds ${lease.renewEverySeconds} + fenceLeadSeconds ${lease.fenceLeadSeconds} = ${needed}`;
  return [tooShort(lease.ttlSeconds, needed, sum, 'one lost renewal must not fence a healthy site')];
};

/** One at a time: both are put right by the same field. */
const timeProblems = (environment: Environment): Problem[] => {
  const renewal = renewalProblems(environment);
  return renewal.length > 0 ? renewal : failsafeProblems(environment);
};

const failsafeProblems = ({ lease }: Environment): Problem[] => {
  const needed = lease.renewEverySeconds + LEDGER_SECONDS + PLEDGE_SECONDS + lease.fenceLeadSeconds;
  if (!lease.failsafe || needed < lease.ttlSeconds) return [];
  const sum = `renewEverySeconds ${lease.renewEverySeconds} + ${LEDGER_SECONDS} for the ledger + ${PLEDGE_SECONDS} for the pledge + fenceLeadSeconds ${lease.fenceLeadSeconds} = ${needed}`;
  return [tooShort(lease.ttlSeconds, needed, sum, 'a pledge must come before the fence; or say failsafe: false')];
};

const policyProblems = ({ lease, failover }: Environment): Problem[] =>
  lease.policy !== 'available' || failover.policy !== 'automatic'
    ? []
    : [
        {
          path: ['lease', 'policy'],
          message:
            "is 'available' under failover.policy 'automatic': an alarm would open a second site while the first, cut off, writes on; use 'strict', or failover.policy: 'approval'",
        },
      ];
