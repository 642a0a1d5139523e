import { z } from 'zod';
import { InvalidRequest } from '../kit/errors.ts';
import { workloadOf } from '../kit/plan.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep, parseInput } from '../kit/step.ts';
import { choose, target } from './choose.ts';
import type { RestoreRequest } from './restoring.ts';

const input = z.strictObject({
  execution: z.strictObject({ name: z.string().min(1), startedAt: z.iso.datetime({ offset: true }) }),
  /** What the person gave, unchecked until here. */
  given: z.unknown(),
});

const given = z.strictObject({
  workload: z.string(),
  /** May be left out where the workload has one. */
  database: z.string().optional(),
  target: target.default('latestVerified'),
  dryRun: z.boolean().default(false),
  reason: z.string().min(1).optional(),
});

/**
 * The first state: what is restored, from which recovery point, why that one, and what would be lost by it. Nothing is touched yet.
 * @throws InvalidRequest naming each wrong field, and for a restore that is none of a dry run when it gives no reason.
 */
export const readRestoreRequest = defineStep({
  name: 'read-restore-request',
  input,
  throws: [],
  build: ({ ledger }) => ({ points: new RecoveryPoints(ledger) }),
  run: async ({ execution, given: raw }, { plan, site, points, now }) => {
    const asked = parseInput(given, raw);
    const { databases } = workloadOf(plan, asked.workload);
    const [only, ...others] = databases.filter(({ name, backup }) => backup && (asked.database ?? name) === name);
    if (!only || others.length > 0)
      throw new InvalidRequest(
        `database: name one of ${databases
          .filter(({ backup }) => backup)
          .map(({ name }) => name)
          .join(', ')}`,
      );
    if (!asked.dryRun && !asked.reason) throw new InvalidRequest('reason: give one, it goes into the record; or dryRun: true');
    const { point, why } = choose(await points.list(asked.workload, only.name), site, asked.target);
    const { id, workload, database, dueAt, reachesTo } = point;
    const request: RestoreRequest = {
      incident: execution.name,
      dryRun: asked.dryRun,
      reason: asked.reason ?? 'dry run',
      database,
      point: { id, workload, database, dueAt },
      why,
      startedAt: new Date(execution.startedAt).toISOString(),
      lostSeconds: reachesTo ? Math.max(0, Math.round((now() - Date.parse(reachesTo)) / 1000)) : null,
    };
    return { workload, request };
  },
});
export const handler = readRestoreRequest.handler;
