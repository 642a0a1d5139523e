import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { load } from '../environments/load.ts';
import { bundle } from '../infra/bundle.ts';
import { createLifeboat, createVault } from '../infra/lifeboat.ts';
import { steps } from '../infra/steps.ts';

const root = join(import.meta.dirname, '..');

/**
 * `-c env=<name>` names the environment; `-c environments=<folder>` a folder of them elsewhere; `-c bundles=<folder>` where the steps' code
 * is put; `-c vault=yes` makes the stacks of the vault's account instead, for which there are other credentials.
 */
const synthesise = async (): Promise<void> => {
  const app = new App();
  const environment = await load(app.node.tryGetContext('env'), app.node.tryGetContext('environments'));
  if (app.node.tryGetContext('vault')) {
    createVault(app, environment);
    app.synth();
    return;
  }
  // Two that synthesise at once from one checkout each name a folder of their own.
  const cache = join(root, 'node_modules/.cache/lifeboat-bundles');
  const outDir = app.node.tryGetContext('bundles') ?? join(root, 'dist', environment.name);
  const bundles = bundle(steps, { sources: join(root, 'lambdas'), outDir, environment, cache });
  createLifeboat(app, { environment, bundles, definitions: join(root, 'statemachines') });
  app.synth();
};

/** What a person can put right is said in words; anything else is a defect and keeps its stack trace. Names, since a file from elsewhere may bring its own copy of a class. */
const SAID_IN_WORDS = new Set(['InvalidEnvironment', 'UnknownEnvironment', 'BundleFailed', 'ValidationFailed']);

try {
  await synthesise();
} catch (error) {
  if (!(error instanceof Error && SAID_IN_WORDS.has(error.name))) throw error;
  process.stderr.write(`\n${error.message}\n\n`);
  process.exitCode = 1;
}
