import { defineStep } from '../kit/step.ts';
import { inspectRestored } from './inspect-restored.ts';

/** `inspect-restored`, standing in the isolated network: what is restored into a clean room is reached from nowhere else. */
export const inspectClean = defineStep({ ...inspectRestored, name: 'inspect-clean' });
export const handler = inspectClean.handler;
