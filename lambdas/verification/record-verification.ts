import { z } from 'zod';
import { CopyUnusable } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { metricWriter } from '../kit/metrics.ts';
import { notifier } from '../kit/notify.ts';
import { type CheckResult, checkResult, provenIn, RecoveryPoints, type Standing } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import { copyRun } from './copies.ts';
import { Proofs } from './proofs.ts';

const outcome = z.object({
  inspected: z
    .object({ checks: z.array(checkResult).min(1), restoreSeconds: z.number().nullish(), measuredRpoSeconds: z.number().nullish() })
    .optional(),
  failure: z.object({ Error: z.string(), Cause: z.string().default('') }).optional(),
});

/** Writes what was found into the recovery point: verified only if every check passed. What could not be told leaves its standing as it was. */
export const recordVerification = defineStep({
  name: 'record-verification',
  input: copyRun.extend({ outcome }),
  throws: [],
  build: ({ plan, ledger }) => ({
    points: new RecoveryPoints(ledger),
    proofs: new Proofs(ledger),
    tell: notifier(),
    put: metricWriter(plan.name),
  }),
  run: async ({ run, point, outcome: { inspected, failure } }, { site, region, points, proofs, tell, put, now }) => {
    const checks = inspected?.checks ?? [checkOfFailure(failure)];
    const standing = standingOf(checks);
    const at = new Date(now()).toISOString();
    const verification = {
      run,
      region,
      at,
      checks,
      restoreSeconds: inspected?.restoreSeconds ?? undefined,
      measuredRpoSeconds: inspected?.measuredRpoSeconds ?? undefined,
    };
    const proven = standing === 'verified';
    await points.note(point, {
      verification,
      ...(standing === 'unverified' ? {} : { standing }),
      ...(proven ? provenIn(site, at) : {}),
    });
    if (point.proof) await proofs.record(point, { proof: point.proof, triedAt: at, ...(proven ? { at, point: point.id, run } : {}) });
    log('recovery-point-checked', { run, point: point.id, standing });
    await put([
      { name: 'recovery_test_results', value: proven ? 1 : 0, workload: point.workload },
      { name: 'RecoveryPointFailed', value: standing === 'failed' ? 1 : 0, workload: point.workload, unit: 'Count' },
    ]);
    if (!proven) {
      const bad = checks.filter(({ verdict }) => verdict !== 'passed');
      await tell(`${point.workload}: a recovery point ${standing === 'failed' ? 'cannot be used' : 'could not be checked'}`, {
        run,
        point: point.id,
        checks: bad,
      });
    }
    return { id: point.id, standing };
  },
});
export const handler = recordVerification.handler;

export const standingOf = (checks: readonly CheckResult[]): Standing => {
  if (checks.some(({ verdict }) => verdict === 'failed')) return 'failed';
  return checks.length > 0 && checks.every(({ verdict }) => verdict === 'passed') ? 'verified' : 'unverified';
};

/** A restore that RDS or the server gave up on has failed; one that ended for any other reason says nothing of the recovery point. */
const checkOfFailure = (failure: { Error: string; Cause: string } | undefined): CheckResult => ({
  check: 'restore',
  verdict: failure?.Error === CopyUnusable.name ? 'failed' : 'unknown',
  detail: `${failure?.Error ?? 'no result'}: ${failure?.Cause ?? ''}`.slice(0, 300),
});
