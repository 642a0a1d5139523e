import type { Scenario } from '../scenario.ts';
import { deadGuard } from './dead-guard.ts';
import { regionReturns } from './region-returns.ts';
import { splitBrain, splitBrainLink, splitBrainPublic, splitBrainStandby } from './split-brain.ts';

/** Attacks on the safety rules. */
export const safety: readonly Scenario[] = [splitBrain, splitBrainPublic, splitBrainLink, splitBrainStandby, regionReturns, deadGuard];
