import { z } from 'zod';
import { gatherRecord, recordWriter } from '../kit/evidence.ts';
import { metricWriter } from '../kit/metrics.ts';
import { notifier } from '../kit/notify.ts';
import { workloadOf } from '../kit/plan.ts';
import { defineStep, workloadRun } from '../kit/step.ts';

/** Ends a recovered workload's part of the run: claim dropped, RTO and RPO measured, record written, people told. */
export const closeIncident = defineStep({
  name: 'close-incident',
  input: workloadRun.extend({
    verified: z.object({ verifiedAt: z.iso.datetime().optional() }),
    /** What each state before it said, under the names that the machine gives them: a dry run says it again. */
    states: z.record(z.string(), z.unknown()).default({}),
  }),
  throws: [],
  build: ({ plan }) => ({ save: recordWriter(), tell: notifier(), put: metricWriter(plan.name) }),
  run: async ({ workload, request, verified, states }, { plan, ledger, incidents, save, tell, put, now }) => {
    if (request.dryRun) return { workload, outcome: 'dry-run' as const, would: wouldsIn(states) };
    const { objectives } = workloadOf(plan, workload);
    // The clock was stopped by the first verified write, also where the incident is closed once more.
    const verifiedAt = (await incidents.find(request.incident, workload))?.verifiedAt ?? verified.verifiedAt;
    await incidents.note(request.incident, workload, {
      outcome: 'recovered',
      closedAt: new Date(now()).toISOString(),
      verifiedAt,
    });
    await ledger.dropClaim(workload, request.execution);
    const record = await gatherRecord(incidents, request.incident, workload, objectives);
    const uri = await save(record);
    const { rtoSeconds, rpoSeconds } = record.measured;
    await put([
      ...(rtoSeconds === undefined ? [] : [{ name: 'recovery_time_seconds', value: rtoSeconds, workload, unit: 'Seconds' as const }]),
      ...(rpoSeconds === undefined ? [] : [{ name: 'recovery_point_seconds', value: rpoSeconds, workload, unit: 'Seconds' as const }]),
    ]);
    await tell(`${workload} recovered by ${request.mode}`, {
      incident: request.incident,
      workload,
      objectives,
      measured: record.measured,
      fence: record.incident.fence,
      record: uri,
    });
    return { workload, outcome: 'recovered' as const, measured: record.measured, record: uri };
  },
});
export const handler = closeIncident.handler;

type Would = { state: string; would: unknown; [found: string]: unknown };

/** Of each state, whose answer a dry run has marked with `would`: what it would do, and what it found. Branches repeat what came before them. */
const wouldsIn = (states: object): Would[] => {
  const all = Object.entries(states).flatMap(([state, answer]): Would[] => {
    if (typeof answer !== 'object' || answer === null) return [];
    return 'would' in answer ? [{ state, ...answer }] : wouldsIn(answer);
  });
  return [...new Map(all.map((each) => [each.state, each])).values()];
};
