/**
 * How much one run takes on. Its history has room for 25,000 events; past them Step Functions ends it where it stands, and nothing of it
 * is caught. A task makes 5 events and each try again 3, a choice 2. AWS, Step Functions developer guide, 'Quotas', 2026-11.
 */
export const HISTORY_EVENTS = 25_000;

/**
 * A workload makes 500 at its usual, and 1,100 in a bad hour: 130 for its states, 360 for a promotion of ten minutes that is asked for every
 * 5 s, 360 for compute that takes as long beside it, 100 for the lease and the checks, 150 for three disturbances of each task. 20 of them
 * leave an eighth of the history, in which sleeping functions wake.
 */
export const WORKLOADS_PER_RUN = 20;

/**
 * A recovery point whose every wait lasts as long as it may makes 450: 30 for its states, 210 for a restore of the default 120 minutes that
 * is asked for ever more seldom, at last every 120 s, 70 for the inspection, 75 for the removal, 50 for three disturbances of each task. 45
 * of them leave a tenth.
 */
export const POINTS_PER_RUN = 45;
