import { z } from 'zod';
import { type ProofName, proofNames, proofTimeOf } from '../../environments/backup.ts';
import { log } from '../kit/log.ts';
import type { SiteName } from '../kit/plan.ts';
import { defineStep, required } from '../kit/step.ts';
import { machineStarter, type StartMachine } from '../resources/state-machine.ts';

interface Services {
  start: StartMachine;
}

/** Turns a schedule into a run over the databases that have this time in their policy. The same due time twice is one run, by its name. */
export const startVerification = defineStep({
  name: 'start-verification',
  input: z.strictObject({ proof: z.enum(proofNames), at: z.string(), timeZone: z.string(), dueAt: z.iso.datetime() }),
  throws: [],
  build: (): Services => ({ start: machineStarter(required('LIFEBOAT_MACHINE_ARN')) }),
  run: async ({ proof, at, timeZone, dueAt }, { plan, site, ledger, start }) => {
    const due = plan.workloads.filter(({ databases }) =>
      databases.some(({ backup }) => backup && proofTimeOf(backup, proof) === at && backup.verification.timeZone === timeZone),
    );
    const mine = await Promise.all(due.map(async ({ name }) => (isFor(proof, site, (await ledger.lease(name))?.holder) ? [name] : [])));
    const workloads = mine.flat();
    if (workloads.length === 0) return { decision: 'nothing to do', because: `no workload has its ${proof} proof in site '${site}' now` };
    const stamp = new Date(dueAt).toISOString().replace(/\D/g, '').slice(0, 12);
    const name = `${proof}-${at.replace(':', '')}-${timeZone.replaceAll(/[^A-Za-z0-9]/g, '-')}-${stamp}`.slice(0, 80);
    const decision = await start(name, { proof, workloads });
    log('verification', { run: name, decision, workloads: workloads.length });
    return { decision, because: name };
  },
});
export const handler = startVerification.handler;

/** Daily in both sites, weekly where the workload is active, monthly where it is not: from the copy that a disaster would leave. */
const isFor = (proof: ProofName, site: SiteName, holder: SiteName | undefined): boolean => {
  if (proof === 'daily') return true;
  return proof === 'weekly' ? holder === site : holder !== undefined && holder !== site;
};
