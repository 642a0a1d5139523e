import { z } from 'zod';
import { messageIn } from '../kit/errors.ts';
import { gatherRecord, recordWriter } from '../kit/evidence.ts';
import { notifier } from '../kit/notify.ts';
import { type Environment, workloadOf } from '../kit/plan.ts';
import { type Base, defineStep, workloadRun } from '../kit/step.ts';
import { type ComputeAdapter, computeOf, countFor } from '../resources/compute.ts';
import { nextStep } from './next-step.ts';

const failure = z.object({ Error: z.string(), Cause: z.string().default('') });

/**
 * Where every failure of a workload's run ends. The ledger says on which side of the point of no return it stands. Before the take:
 * `aborted`, what was claimed is dropped, compute goes back, and the lease stays where it was (its guard takes back what it released).
 * After it: `interrupted`, there is only forward; start the machine again and it goes on from there. People are told either way.
 */
export const abortIncident = defineStep({
  name: 'abort-incident',
  input: workloadRun.extend({ failure }),
  throws: [],
  build: ({ plan }) => ({ save: recordWriter(), tell: notifier(), computeFor: (name: string) => computeOf(workloadOf(plan, name)) }),
  run: async ({ workload, request, failure: { Error: error, Cause } }, services) => {
    const { plan, site, ledger, incidents, computeFor, now } = services;
    const detail = `${error}: ${messageIn(Cause)}`;
    if (request.dryRun) return { workload, outcome: 'aborted' as const, detail };
    const lease = await ledger.lease(workload);
    const ours = lease?.claim?.execution === request.execution;
    const found = await incidents.find(request.incident, workload);
    // The claim may have expired since; the epoch still tells that this run's take came through.
    const taken = lease?.holder === site && (ours || (found !== undefined && lease.epoch > found.epoch));
    const outcome = taken ? ('interrupted' as const) : ('aborted' as const);
    if (ours && outcome === 'aborted') await standDown(computeFor(workload), services);
    await ledger.dropClaim(workload, request.execution);
    const opened = found?.execution === request.execution ? found : undefined; // else another execution's to tell
    if (opened) await incidents.note(request.incident, workload, { outcome, closedAt: new Date(now()).toISOString(), detail, error });
    const record =
      opened && (await services.save(await gatherRecord(incidents, request.incident, workload, workloadOf(plan, workload).objectives)));
    await services.tell(`${workload}: ${request.mode} ${outcome}`, {
      incident: request.incident,
      workload,
      outcome,
      detail,
      record,
      next: nextStep(outcome, error, { plan, site, workload, request }),
    });
    return { workload, outcome, detail };
  },
});
export const handler = abortIncident.handler;

/** Back to the standby's count; a failure here is not worth losing the record for. */
const standDown = async (
  compute: { adapter: ComputeAdapter; config: Environment['workloads'][number]['compute'][number] }[],
  { site }: Base,
): Promise<void> => {
  const standby = site === 'primary' ? 'recovery' : 'primary';
  await Promise.allSettled(compute.map(({ adapter, config }) => adapter.scale(countFor(config, site, standby))));
};
