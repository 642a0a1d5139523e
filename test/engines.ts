import { enginesPython } from '../lab/engines/venv.ts';

/** Once before all tests: on a fresh machine the engines' installation takes a minute, which is no test's own time. */
export default async function setup(): Promise<void> {
  await enginesPython((line) => process.stderr.write(`${line}\n`));
}
