/** A failed execution's cause may have 32,768 characters. AWS, Step Functions API reference, 'HistoryEvent'; a person reads fewer. */
const LONGEST_CAUSE = 4_000;

/** What a failed execution says of itself: it has no output. Empty where there is nothing to say. */
export const asCause = (...reasons: readonly string[]): string => reasons.join('; ').slice(0, LONGEST_CAUSE);
