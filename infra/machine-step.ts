import { WAKING_SECONDS } from '../environments/budget.ts';
import type { Right, Rights } from './rights.ts';
import type { StepProps } from './step.ts';

/** A step of a machine that works on an incident: what it is, and what it may do. */
export interface MachineStep extends Pick<StepProps, 'description' | 'timeoutSeconds' | 'sql' | 'isolated' | 'usesKey'> {
  needs: (rights: Rights) => Right[][];
  /** What it writes into the incident; its own start and end where it is left out. */
  incident?: (rights: Rights) => Right[];
  /** It writes the incident's record into the evidence bucket. */
  savesRecord?: boolean;
  /** It asks whether executions of this machine still run. */
  asksMachine?: boolean;
}

/** What a step may write into the incident where it says nothing else: its own start and end. */
export const appended = (rights: Rights): Right[] => rights.putInLedger('incident');
/** Facts of its own beside that. */
export const noted = (rights: Rights): Right[] => rights.writeLedger('incident');
/** It works on no workload, so on no incident. */
export const nothing = (): Right[] => [];

/** What a run waits at most for functions that sleep: those in a network may, each once. */
export const wakingSeconds = (steps: Record<string, Pick<StepProps, 'description' | 'sql' | 'isolated'>>): number =>
  WAKING_SECONDS * Object.values(steps).filter(({ sql, isolated }) => sql || isolated).length;
