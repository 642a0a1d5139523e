import { z } from 'zod';
import { asCause } from '../kit/cause.ts';
import { messageIn } from '../kit/errors.ts';
import { gatherRecord, recordWriter } from '../kit/evidence.ts';
import { metricWriter } from '../kit/metrics.ts';
import { notifier } from '../kit/notify.ts';
import { workloadOf } from '../kit/plan.ts';
import { checkResult } from '../kit/recovery-points.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { logGroupsOf } from './clean-room.ts';
import { problemsOf } from './close-copy.ts';
import { incidentOf } from './replacement.ts';
import { type RestoreRun, restoredDatabase, restoredName, restoreRun } from './restoring.ts';

const outcome = z.object({
  inspected: z
    .object({
      endpoint: z.string().optional(),
      reachesTo: z.string().nullish(),
      restoreSeconds: z.number().nullish(),
      checks: z.array(checkResult).default([]),
      settings: z.array(z.string()).default([]),
    })
    .optional(),
  placed: z
    .object({ endpoint: z.string().optional(), sameEndpoint: z.boolean().optional(), settings: z.array(z.string()).default([]) })
    .optional(),
  kept: z.object({ kept: z.string().nullish() }).optional(),
  snapshot: z.object({ snapshot: z.string().nullish() }).optional(),
  failure: z.object({ Error: z.string(), Cause: z.string().default('') }).optional(),
});
type Outcome = z.infer<typeof outcome>;

/**
 * Ends a restore. One beside hands the endpoint over with what is known of it, and succeeded only if every check passed and every setting
 * is as it was; `cause` says what is not, and is the failed execution's. One in place has its RTO and RPO measured, its record written,
 * and says where what was there before is kept.
 */
export const closeRestore = defineStep({
  name: 'close-restore',
  input: restoreRun.extend({ outcome }),
  throws: [],
  build: ({ plan }) => ({ tell: notifier(), save: recordWriter(), put: metricWriter(plan.name) }),
  run: async ({ outcome: end, ...run }, services) => {
    const { workload, request } = run;
    const { plan, incidents, tell, save, put, now } = services;
    const facts = factsOf(run, end);
    if (request.dryRun) return { ...facts, succeeded: end.failure === undefined, cause: facts.detail ?? '', dryRun: true };
    if (request.placement === 'beside') {
      const instance = restoredName(plan, request);
      const cause = causeOf(end, facts.detail);
      const good = cause === '';
      const result = { ...facts, succeeded: good, cause, instance, endpoint: end.inspected?.endpoint };
      await tell(`${workload}: restored ${good ? 'and checked' : 'with problems'}`, result);
      return result;
    }
    const closedAt = new Date(now()).toISOString();
    const kept = { instance: end.kept?.kept, snapshot: end.snapshot?.snapshot };
    const evidence = request.placement === 'cleanRoom' && (await evidenceOf(run, kept, services));
    await incidents.note(request.incident, workload, { outcome: 'recovered', closedAt, placed: end.placed, ...(evidence && { evidence }) });
    const record = await gatherRecord(incidents, request.incident, workload, workloadOf(plan, workload).objectives);
    const { rtoSeconds, rpoSeconds } = record.measured;
    const uri = await save(record);
    await put([
      ...(rtoSeconds === undefined ? [] : [{ name: 'recovery_time_seconds', value: rtoSeconds, workload, unit: 'Seconds' as const }]),
      ...(rpoSeconds === undefined ? [] : [{ name: 'recovery_point_seconds', value: rpoSeconds, workload, unit: 'Seconds' as const }]),
    ]);
    const result = { ...facts, ...end.placed, succeeded: true, measured: record.measured, record: uri, kept };
    await tell(`${workload}: restored in place`, result);
    return result;
  },
});
export const handler = closeRestore.handler;

/** Why what stands beside is not as it should be; empty where it is. */
const causeOf = ({ inspected }: Outcome, failed: string | undefined): string =>
  asCause(...(failed ? [failed] : problemsOf(inspected ?? { checks: [], settings: [] }, false)));

/** What of the compromised is kept under hold, and where its logs are. The record with it cannot be deleted from the evidence bucket. */
const evidenceOf = async (run: RestoreRun, kept: { instance?: string | null; snapshot?: string | null }, services: Base) => {
  const { plan, site } = services;
  const { before } = await incidentOf(run, services);
  const identifier = restoredDatabase(plan, run.workload, run.request).instances[site];
  return { ...kept, held: true, logGroups: logGroupsOf(identifier, before.settings), trail: `CloudTrail, resource ${identifier}` };
};

const factsOf = ({ workload, request }: RestoreRun, { inspected, failure }: Outcome) => ({
  incident: request.incident,
  workload,
  placement: request.placement,
  recoveryPoint: request.point.id,
  why: request.why,
  lostSeconds: request.lostSeconds,
  reason: request.reason,
  restoreSeconds: inspected?.restoreSeconds,
  reachesTo: inspected?.reachesTo,
  settings: inspected?.settings,
  checks: inspected?.checks.filter(({ verdict }) => verdict !== 'passed'),
  detail: failure && `${failure.Error}: ${messageIn(failure.Cause).slice(0, 300)}`,
});
