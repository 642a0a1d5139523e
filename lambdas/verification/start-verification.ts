import { z } from 'zod';
import { defineStep, required } from '../kit/step.ts';
import { machineStarter, type StartMachine } from '../resources/state-machine.ts';

interface Services {
  start: StartMachine;
}

/** Turns a schedule into a run over the databases that have this time in their policy. The same due time twice is one run, by its name. */
export const startVerification = defineStep({
  name: 'start-verification',
  input: z.strictObject({ at: z.string(), timeZone: z.string(), dueAt: z.iso.datetime() }),
  throws: [],
  build: (): Services => ({ start: machineStarter(required('LIFEBOAT_MACHINE_ARN')) }),
  run: async ({ at, timeZone, dueAt }, { plan, start }) => {
    const due = plan.workloads.filter(({ databases }) =>
      databases.some(({ backup }) => backup?.verification.at === at && backup.verification.timeZone === timeZone),
    );
    if (due.length === 0) return { decision: 'nothing to do', because: 'no policy has this time any more' };
    const stamp = new Date(dueAt).toISOString().replace(/\D/g, '').slice(0, 12);
    const name = `daily-${at.replace(':', '')}-${timeZone.replaceAll(/[^A-Za-z0-9]/g, '-')}-${stamp}`.slice(0, 80);
    return { decision: await start(name, { workloads: due.map(({ name: workload }) => workload) }), because: name };
  },
});
export const handler = startVerification.handler;
