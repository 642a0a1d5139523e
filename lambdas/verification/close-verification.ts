import { z } from 'zod';
import { asCause } from '../kit/cause.ts';
import { type CheckResult, RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import { pointReference, verificationRequest } from './copies.ts';
import { standingOf } from './record-verification.ts';

/**
 * The run's end: it succeeded only if every recovery point that it was for was proven by it. `cause` names those that were not, and why; it
 * is the failed execution's.
 */
export const closeVerification = defineStep({
  name: 'close-verification',
  input: z.strictObject({ request: verificationRequest, points: z.array(pointReference) }),
  throws: [],
  build: ({ ledger }) => ({ recoveryPoints: new RecoveryPoints(ledger) }),
  run: async ({ request, points }, { recoveryPoints }) => {
    const found = await Promise.all(points.map((point) => recoveryPoints.find(point)));
    // By what this run saw, not by the point's standing: one that was proven before stays so when it could not be checked again.
    const own = found.map((point) => (point?.verification?.run === request.run ? point.verification.checks : undefined));
    const results = points.map(({ id }, i) => ({ id, standing: own[i] ? standingOf(own[i]) : 'unknown' }));
    const reasons = results.flatMap(({ id, standing }, i) => (standing === 'verified' ? [] : [`${id}: ${standing}${whyOf(own[i])}`]));
    return { run: request.run, succeeded: reasons.length === 0, cause: asCause(...reasons), results };
  },
});
export const handler = closeVerification.handler;

const whyOf = (checks: readonly CheckResult[] = []): string =>
  checks.map(({ check, verdict, detail }) => (verdict === 'passed' ? '' : `, ${check}: ${detail ?? verdict}`)).join('');
