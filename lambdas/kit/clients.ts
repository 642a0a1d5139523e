import { DryRunWrite } from './errors.ts';

/** Commands that change nothing. All others are refused in a dry run, whatever the step meant to do. */
const READS = /^(Describe|Get|List|Query|BatchGet|Head)/;

let dryRun = false;

/** Set by the step's handler for the invocation at hand: a sandbox serves one invocation at a time. */
export const setDryRun = (on: boolean): void => {
  dryRun = on;
};

/** Without `throwOnRequestTimeout` the SDK only warns of a request that has outlived its timeout, and waits on. */
const timeouts = (requestTimeout: number) => ({ connectionTimeout: 1_000, requestTimeout, throwOnRequestTimeout: true });

/** A call in our own region: a connection in 1 s, an answer in 4 s, three tries. */
export const localCalls = { maxAttempts: 3, requestHandler: timeouts(4_000) };
/** A call to another region: one try of at most 2 s, since that region may be the one that failed. */
export const foreignCalls = { maxAttempts: 1, requestHandler: timeouts(2_000) };

/** One try: what is asked twice of what is gone by then is another question, which whoever looks first does not ask. */
export const singleCalls = { ...localCalls, maxAttempts: 1 };

/** The guard's calls to the ledger: it has to know soon whether to ask for a pledge or to close. */
export const guardCalls = { maxAttempts: 2, requestHandler: timeouts(2_000) };

interface Guarded {
  middlewareStack: { add(middleware: unknown, options: { step: 'initialize'; name: string }): void };
}

type Next = (args: unknown) => Promise<unknown>;

/** Puts the dry-run guard on an SDK client. Every client of Lifeboat is made through this. */
export const guarded = <Client extends Guarded>(client: Client): Client => {
  client.middlewareStack.add(
    (next: Next, context: { commandName?: string }) => (args: unknown) => {
      const command = String(context.commandName).replace(/Command$/, '');
      if (dryRun && !READS.test(command)) throw new DryRunWrite(`a dry run must not call ${command}`);
      return next(args);
    },
    { step: 'initialize', name: 'lifeboatDryRunGuard' },
  );
  return client;
};
