import { classify, messageOf, Transient } from '../../lambdas/kit/errors.ts';
import type { Ledger } from '../../lambdas/kit/ledger.ts';

interface Asked {
  table: string;
  region: string;
  /** The other site's, which has a replica too. */
  other: string;
}

/** The ledger, with errors that say what was asked and where else to ask when it does not answer: the region may be the one that failed. */
export const sayingWhere = (ledger: Ledger, asked: Asked): Ledger =>
  new Proxy(ledger, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...values: unknown[]) => {
        try {
          return await member.apply(target, values);
        } catch (error) {
          throw isOutOfReach(error) ? outOfReach(error, asked) : error;
        }
      };
    },
  });

/** Missing counts too: a table that was never deployed there, or is that of another account. */
const isOutOfReach = (error: unknown): boolean =>
  classify(error) instanceof Transient ||
  ['ResourceNotFoundException', 'EHOSTUNREACH', 'ENETUNREACH'].some((kind) => {
    const { name, code } = error as NodeJS.ErrnoException;
    return name === kind || code === kind;
  });

const outOfReach = (error: unknown, { table, region, other }: Asked): Error => {
  // Node's error for an address that no try could connect to has a code and no words.
  const why = (error as Error).message ? messageOf(error) : (error as NodeJS.ErrnoException).code;
  return new Error(`the ledger, table ${table} in ${region}, does not answer (${why}); the other site's is asked with --region ${other}`, {
    cause: error,
  });
};
