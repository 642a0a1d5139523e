/** One JSON line to the function's log. Facts are names, counts, times and ARNs, never secrets or rows. */
export const log = (event: string, facts: Record<string, unknown> = {}): void => {
  process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
};
