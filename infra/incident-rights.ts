import type { Right, Rights } from './rights.ts';

/** What a step of a run may write into the incident where it says nothing else: its own start and end. */
export const appended = (rights: Rights): Right[] => rights.putInLedger('incident');
/** Facts of its own beside that. */
export const noted = (rights: Rights): Right[] => rights.writeLedger('incident');
/** It works on no workload, so on no incident. */
export const nothing = (): Right[] => [];
