import { START, type Walk } from '../resources/postgres-live-checks.ts';
import type { CheckRecord } from './check-records.ts';

/**
 * Goes on with a check from where the last round left it, until it is through everything, something fails, or the time is over; at least
 * one part a round. Where it failed before it looks first: what still fails there is still failed, and what could not be read there
 * now is no better for it.
 * @param of the contents are of this time at least, ISO 8601.
 * @param until begins no part after this, epoch milliseconds.
 */
export const advance = async (
  record: CheckRecord,
  walk: Walk,
  { of, until, now }: { of: string; until: number; now: () => number },
): Promise<CheckRecord> => {
  const at = () => new Date(now()).toISOString();
  let current: CheckRecord = { ...record, lastRunAt: at() };
  if (record.failedPart) {
    const { finding } = await walk(record.failedPart);
    if (finding.verdict === 'failed') return { ...current, detail: finding.detail, lastFailedAt: at(), lastConcludedAt: at() };
    if (finding.verdict === 'unknown') return current;
    const { failedPart: _part, failedSince: _since, pass: _pass, ...rest } = current;
    current = { ...rest, verdict: 'unknown', detail: 'passes where it had failed; the rest is being read' };
  }
  const pass = current.pass ?? { of, cursor: START };
  for (;;) {
    const { finding, next } = await walk(pass.cursor);
    if (finding.verdict === 'failed') {
      const { pass: _, ...rest } = current;
      const seen = { failedSince: record.failedSince ?? at(), lastFailedAt: at(), failedPart: pass.cursor, lastConcludedAt: at() };
      return { ...rest, verdict: 'failed', detail: finding.detail, ...seen };
    }
    if (finding.verdict === 'unknown') pass.unknown ??= finding.detail ?? 'no reason was given';
    if (!next) return concluded(current, pass, at());
    pass.cursor = next;
    if (now() >= until) return { ...current, pass };
  }
};

/** Through everything: passed if all of it did. */
const concluded = ({ pass: _, ...record }: CheckRecord, pass: { of: string; unknown?: string }, at: string): CheckRecord =>
  pass.unknown === undefined
    ? { ...record, verdict: 'passed', detail: undefined, lastPassedAt: pass.of, lastConcludedAt: at }
    : { ...record, verdict: 'unknown', detail: pass.unknown };
