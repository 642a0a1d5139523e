import { CommanderError } from 'commander';
import { InvalidEnvironment } from '../environments/define.ts';
import { UnknownEnvironment } from '../environments/load.ts';
import { connect, UsageError } from './commands/operator.ts';
import { EXIT } from './exit-codes.ts';
import { programOf } from './program.ts';

/** Runs one command line. What went wrong is said on stderr, and by the exit code. */
export const run = async (words: readonly string[], connectTo = connect): Promise<void> => {
  try {
    await programOf(connectTo).parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return refuse(error);
    process.stderr.write(`lifeboat: ${(error as Error).message}\n`);
    process.exitCode = isUsage(error) ? EXIT.usage : EXIT.failed;
  }
};

/** Commander has said it already, and has one code for all that is wrong; help that was asked for is an error of its, too, with code 0. */
const refuse = ({ exitCode }: CommanderError): void => {
  if (exitCode !== 0) process.exitCode = EXIT.usage;
};

const isUsage = (error: unknown): boolean =>
  error instanceof UsageError || error instanceof UnknownEnvironment || error instanceof InvalidEnvironment;
