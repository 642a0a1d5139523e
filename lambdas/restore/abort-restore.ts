import { z } from 'zod';
import { asCause } from '../kit/cause.ts';
import { messageIn } from '../kit/errors.ts';
import { gatherRecord, recordWriter } from '../kit/evidence.ts';
import { notifier } from '../kit/notify.ts';
import { workloadOf } from '../kit/plan.ts';
import { defineStep } from '../kit/step.ts';
import { whyFinal } from './other-choice.ts';
import type { RestoreIncident } from './replacement.ts';
import { type RestoreRequest, restoredName, restoreRun } from './restoring.ts';

/**
 * Where every failure of a restore that replaces ends. Before the old instance was set aside: `aborted`, the claim is dropped, and the
 * guard opens the old database again, which serves on. After it: `interrupted`, there is only forward; the claim stays, so that nobody
 * opens anything, and the machine started again with this incident goes on. People are told either way; `cause` is the failed
 * execution's.
 */
export const abortRestore = defineStep({
  name: 'abort-restore',
  input: restoreRun.extend({ failure: z.object({ Error: z.string(), Cause: z.string().default('') }) }),
  throws: [],
  build: () => ({ tell: notifier(), save: recordWriter() }),
  run: async ({ workload, request, failure: { Error: error, Cause } }, { plan, ledger, incidents, tell, save, now }) => {
    const detail = `${error}: ${messageIn(Cause)}`;
    if (request.dryRun) return { outcome: 'aborted' as const, detail, cause: asCause(detail) };
    const found = (await incidents.find(request.incident, workload)) as RestoreIncident | undefined;
    const opened = found?.execution === request.execution ? found : undefined; // else another execution's to tell
    const { claim } = (await ledger.lease(workload)) ?? {};
    const ours = claim?.execution === request.execution;
    const committed = (ours && claim.committed === true) || opened?.committedAt !== undefined;
    const outcome = committed ? ('interrupted' as const) : ('aborted' as const);
    if (ours && !committed) await ledger.dropClaim(workload, request.execution);
    if (opened) await incidents.note(request.incident, workload, { outcome, closedAt: new Date(now()).toISOString(), detail });
    const record = opened && (await save(await gatherRecord(incidents, request.incident, workload, workloadOf(plan, workload).objectives)));
    const open = { committed, handedOver: opened?.handedOverAt !== undefined, mayChoose: opened !== undefined && !whyFinal(opened) };
    const next = nextStep(request, { ...open, restored: restoredName(plan, request) });
    await tell(`${workload}: restore ${outcome}`, { incident: request.incident, workload, outcome, detail, record, next });
    return { workload, outcome, detail, cause: `${outcome}: ${asCause(detail)}; ${next}` };
  },
});
export const handler = abortRestore.handler;

const nextStep = (
  { incident, point }: RestoreRequest,
  { committed, handedOver, mayChoose, restored }: { committed: boolean; handedOver: boolean; mayChoose: boolean; restored: string },
): string => {
  if (handedOver)
    return `the guard may write again, and no write came through the public name: see to the application, then go on with incident: '${incident}'`;
  const again = mayChoose
    ? `, and where ${point.id} is no good with another target: { before: '<time>' } or { recoveryPoint: '<id>' }`
    : '';
  if (committed)
    return `start the restore machine again in this site with incident: '${incident}'${again}; until then nobody writes, and no failover begins`;
  return `the old database serves on; what was restored, if anything, is ${restored}`;
};
