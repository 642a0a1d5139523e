import { z } from 'zod';
import { tierNames } from '../../environments/backup.ts';
import { InvalidRequest } from '../kit/errors.ts';
import { defineStep, parseInput } from '../kit/step.ts';
import { type BackupRequest, jobsOf } from './jobs.ts';

const input = z.strictObject({
  execution: z.strictObject({ name: z.string().min(1), startedAt: z.iso.datetime({ offset: true }) }),
  /** What the person or the schedule gave, unchecked until here. */
  given: z.unknown(),
});

const given = z.strictObject({
  tier: z.enum(tierNames).optional(),
  dueAt: z.iso.datetime({ offset: true }).optional(),
  workloads: z.array(z.string()).min(1).optional(),
});

/** So far the clocks of whoever starts a run and of the machine may differ. */
const CLOCKS_MS = 60_000;

/**
 * The first state: which databases this run is for. `{}` is valid: every database with a policy that is active in this site, in the
 * first tier of the first policy, due now.
 * @throws InvalidRequest naming each wrong field, and when nothing here has that tier. A recovery point that is due in the future would stay
 * the newest one, for every reader, until then.
 */
export const readBackupRequest = defineStep({
  name: 'read-backup-request',
  input,
  throws: [],
  build: () => ({}),
  run: async ({ execution, given: raw }, { plan, site, ledger }) => {
    const asked = parseInput(given, raw);
    const known = plan.workloads.filter(({ databases }) => databases.some(({ backup }) => backup));
    const names = asked.workloads ?? known.map(({ name }) => name);
    const unknown = names.filter((name) => !known.some((workload) => workload.name === name));
    if (unknown.length > 0)
      throw new InvalidRequest(
        `workloads: ${unknown.join(', ')} have no backup policy; those with one: ${known.map(({ name }) => name).join(', ')}`,
      );
    const active = await Promise.all(names.map(async (name) => ((await ledger.lease(name))?.holder === site ? [name] : [])));
    const tier = asked.tier ?? known.flatMap(({ databases }) => databases).find(({ backup }) => backup)!.backup!.tiers[0]!.every;
    const dueAt = new Date(asked.dueAt ?? execution.startedAt).toISOString();
    if (Date.parse(dueAt) > Date.parse(execution.startedAt) + CLOCKS_MS)
      throw new InvalidRequest(`dueAt: is ${dueAt}, after this run's start at ${execution.startedAt}; give a time that has passed`);
    const request: BackupRequest = { run: execution.name, tier, dueAt, workloads: active.flat() };
    if (jobsOf(plan, site, request).length === 0)
      throw new InvalidRequest(`tier: no database that is active in site '${site}' has tier '${tier}'`);
    return { request };
  },
});
export const handler = readBackupRequest.handler;
