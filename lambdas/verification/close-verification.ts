import { z } from 'zod';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import { pointReference, verificationRequest } from './copies.ts';
import { standingOf } from './record-verification.ts';

/** The run's end: it succeeded only if every recovery point that it was for was proven by it. */
export const closeVerification = defineStep({
  name: 'close-verification',
  input: z.strictObject({ request: verificationRequest, points: z.array(pointReference) }),
  throws: [],
  build: ({ ledger }) => ({ recoveryPoints: new RecoveryPoints(ledger) }),
  run: async ({ request, points }, { recoveryPoints }) => {
    const found = await Promise.all(points.map((point) => recoveryPoints.find(point)));
    // By what this run saw, not by the point's standing: one that was proven before stays so when it could not be checked again.
    const results = points.map(({ id }, i) => {
      const own = found[i]?.verification?.run === request.run ? found[i].verification : undefined;
      return { id, standing: own ? standingOf(own.checks) : 'unknown' };
    });
    return { run: request.run, succeeded: results.every(({ standing }) => standing === 'verified'), results };
  },
});
export const handler = closeVerification.handler;
