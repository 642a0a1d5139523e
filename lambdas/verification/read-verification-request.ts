import { z } from 'zod';
import { hasCopyIn } from '../backup/lateness.ts';
import { InvalidRequest } from '../kit/errors.ts';
import { type RecoveryPoint, RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep, parseInput } from '../kit/step.ts';
import type { PointReference } from './copies.ts';

const input = z.strictObject({
  execution: z.strictObject({ name: z.string().min(1), startedAt: z.iso.datetime({ offset: true }) }),
  /** What the person or the schedule gave, unchecked until here. */
  given: z.unknown(),
});

const given = z.strictObject({
  workloads: z.array(z.string()).min(1).optional(),
  database: z.string().optional(),
  /** Identifier of a recovery point, whatever was found of it before. */
  recoveryPoint: z.string().optional(),
});

/**
 * The first state: which recovery points are proven. `{}` is valid: of each database the newest one with a copy in this site, unless it
 * was proven in this site already.
 * @throws InvalidRequest naming each wrong field.
 */
export const readVerificationRequest = defineStep({
  name: 'read-verification-request',
  input,
  throws: [],
  build: ({ ledger }) => ({ points: new RecoveryPoints(ledger) }),
  run: async ({ execution, given: raw }, { plan, site, region, points }) => {
    const asked = parseInput(given, raw);
    const names = asked.workloads ?? plan.workloads.map(({ name }) => name);
    const unknown = names.filter((name) => !plan.workloads.some((workload) => workload.name === name));
    if (unknown.length > 0)
      throw new InvalidRequest(`workloads: ${unknown.join(', ')} unknown; known: ${plan.workloads.map(({ name }) => name).join(', ')}`);
    const databases = plan.workloads.flatMap((workload) =>
      names.includes(workload.name)
        ? workload.databases.flatMap(({ name, backup }) =>
            backup && (asked.database ?? name) === name ? [{ workload: workload.name, name }] : [],
          )
        : [],
    );
    const chosen: PointReference[] = [];
    for (const { workload, name } of databases) {
      const here = (await points.list(workload, name)).filter((point) => hasCopyIn(point, site));
      const point = asked.recoveryPoint ? here.find(({ id }) => id === asked.recoveryPoint) : here[0];
      if (point && (asked.recoveryPoint || !isProvenIn(point, region))) chosen.push(referenceTo(point));
    }
    if (asked.recoveryPoint && chosen.length === 0)
      throw new InvalidRequest(`recoveryPoint: '${asked.recoveryPoint}' has no copy in site '${site}'`);
    return { request: { run: execution.name, startedAt: new Date(execution.startedAt).toISOString() }, points: chosen };
  },
});
export const handler = readVerificationRequest.handler;

const isProvenIn = ({ standing, verification }: RecoveryPoint, region: string): boolean =>
  standing === 'failed' || (standing === 'verified' && verification?.region === region);

const referenceTo = ({ id, workload, database, dueAt }: RecoveryPoint): PointReference => ({ id, workload, database, dueAt });
