import { z } from 'zod';
import { InvalidRequest } from '../kit/errors.ts';
import { workloadOf } from '../kit/plan.ts';
import { defineStep, parseInput } from '../kit/step.ts';
import { type RepairRequest, recordSet, restoredPrefix } from './repairing.ts';

const input = z.strictObject({
  execution: z.strictObject({ name: z.string().min(1), startedAt: z.iso.datetime({ offset: true }) }),
  /** What the person gave, unchecked until here. */
  given: z.unknown(),
});

const given = z.strictObject({
  workload: z.string(),
  /** May be left out where the workload has one. */
  database: z.string().optional(),
  from: z.string(),
  records: z.array(recordSet).min(1).max(10),
  maxRows: z.number().int().min(1).max(1_000).default(100),
  dryRun: z.boolean().default(false),
  reason: z.string().min(1).optional(),
});

/**
 * The first state: which rows are compared, and from where they would be carried over. Nothing is touched yet.
 * @throws InvalidRequest naming each wrong field, and for a workload that is active in the other site.
 */
export const readRepairRequest = defineStep({
  name: 'read-repair-request',
  input,
  throws: [],
  build: () => ({}),
  run: async ({ execution, given: raw }, { plan, site, ledger }) => {
    const asked = parseInput(given, raw);
    const { databases } = workloadOf(plan, asked.workload);
    const [only, ...others] = databases.filter(({ name }) => (asked.database ?? name) === name);
    if (!only || others.length > 0) throw new InvalidRequest(`database: name one of ${databases.map(({ name }) => name).join(', ')}`);
    if (!asked.from.startsWith(restoredPrefix(plan)))
      throw new InvalidRequest(`from: give the instance that a restore beside has made; its name begins with ${restoredPrefix(plan)}`);
    if (!asked.dryRun && !asked.reason) throw new InvalidRequest('reason: give one, it goes into the record; or dryRun: true');
    const holder = (await ledger.lease(asked.workload))?.holder;
    if (holder !== site)
      throw new InvalidRequest(
        `workload: '${asked.workload}' is active in site '${holder ?? 'none'}', this is '${site}'; start the machine there`,
      );
    const { workload, from, records, maxRows, dryRun, reason = 'dry run' } = asked;
    const request: RepairRequest = { incident: execution.name, dryRun, reason, database: only.name, from, records, maxRows };
    return { workload, request };
  },
});
export const handler = readRepairRequest.handler;
