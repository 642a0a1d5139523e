import { z } from 'zod';
import { tierNames } from '../../environments/backup.ts';
import { log } from '../kit/log.ts';
import { defineStep, required } from '../kit/step.ts';
import { machineStarter, type StartMachine } from '../resources/state-machine.ts';

interface Services {
  start: StartMachine;
}

/** Turns a schedule into a run for the databases that are active in this site. The same due time twice is one run, by its name. */
export const startBackup = defineStep({
  name: 'start-backup',
  input: z.strictObject({
    tier: z.enum(tierNames),
    timeZone: z.string(),
    at: z.string(),
    dueAt: z.iso.datetime(),
  }),
  throws: [],
  build: (): Services => ({ start: machineStarter(required('LIFEBOAT_MACHINE_ARN')) }),
  run: async ({ tier, timeZone, at, dueAt }, { plan, site, ledger, start }) => {
    const due = plan.workloads.filter(({ databases }) =>
      databases.some(({ backup }) => backup?.tiers.some((each) => each.every === tier && each.timeZone === timeZone && each.at === at)),
    );
    const held = await Promise.all(due.map(async ({ name }) => ((await ledger.lease(name))?.holder === site ? [name] : [])));
    const workloads = held.flat();
    if (workloads.length === 0) return { decision: 'nothing to do', because: `no workload of this schedule is active in site '${site}'` };
    const stamp = new Date(dueAt).toISOString().replace(/\D/g, '').slice(0, 12);
    const name = `${tier}-${at.replace(':', '')}-${timeZone.replaceAll(/[^A-Za-z0-9]/g, '-')}-${stamp}`.slice(0, 80);
    const decision = await start(name, { tier, dueAt: new Date(dueAt).toISOString(), workloads });
    log('backup', { run: name, decision, workloads: workloads.length });
    return { decision, because: name };
  },
});
export const handler = startBackup.handler;
