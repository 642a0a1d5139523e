/** What the shell is told; 0 is done. `lostSight`: the run goes on, and how it ends is not known. */
export const EXIT = { failed: 1, usage: 2, lostSight: 3 } as const;
