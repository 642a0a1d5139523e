import { z } from 'zod';
import { type ProofName, proofNames } from '../../environments/backup.ts';
import { hasCopyIn } from '../backup/lateness.ts';
import { InvalidRequest } from '../kit/errors.ts';
import { provenAt, type RecoveryPoint, RecoveryPoints } from '../kit/recovery-points.ts';
import { type Base, defineStep, parseInput } from '../kit/step.ts';
import type { PointReference } from './copies.ts';
import { unprovenIn } from './proofs.ts';

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
  /** As that schedule would: `daily` all new ones, `weekly` and `monthly` the newest one on an instance of the source's size. */
  proof: z.enum(proofNames).optional(),
});

/**
 * A run's history has room for 25,000 events, and a point takes up to about 250: those of its states, and three for each time that its
 * restore is asked for in vain. AWS, Step Functions developer guide, 'Quotas', 2026-11.
 */
const POINTS_PER_RUN = 100;

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
  run: async ({ execution, given: raw }, services) => {
    const { plan, site, points } = services;
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
    const found: RecoveryPoint[][] = [];
    for (const { workload, name } of databases) {
      const here = (await points.list(workload, name)).filter((point) => hasCopyIn(point, site));
      found.push(await chosenOf(here, workload, asked, services));
    }
    if (asked.recoveryPoint && found.flat().length === 0)
      throw new InvalidRequest(`recoveryPoint: '${asked.recoveryPoint}' has no copy in site '${site}'`);
    const chosen = inTurns(found)
      .slice(0, POINTS_PER_RUN)
      .map((point) => referenceTo(point, asked.proof));
    return { request: { run: execution.name, startedAt: new Date(execution.startedAt).toISOString() }, points: chosen };
  },
});
export const handler = readVerificationRequest.handler;

/** Of one database's points with a copy here, newest first. */
const chosenOf = async (
  here: readonly RecoveryPoint[],
  workload: string,
  { recoveryPoint, proof }: z.infer<typeof given>,
  { site, ledger, now }: Base,
): Promise<RecoveryPoint[]> => {
  if (recoveryPoint) return here.filter(({ id }) => id === recoveryPoint);
  // A failed one has had its proof; the newest other one is what a restore would take.
  if (proof === 'weekly' || proof === 'monthly') return here.filter(({ standing }) => standing !== 'failed').slice(0, 1);
  const active = (await ledger.lease(workload))?.holder === site;
  if (proof === 'daily' && active) return unprovenIn(here, site, now());
  return here.slice(0, 1).filter((point) => point.standing !== 'failed' && !provenAt(point, site));
};

/** The newest of each database before the second of any: where a run has no room for all, none is left without. */
const inTurns = (found: readonly RecoveryPoint[][]): RecoveryPoint[] => {
  const longest = Math.max(0, ...found.map(({ length }) => length));
  return Array.from({ length: longest }, (_, turn) => found.flatMap((points) => points[turn] ?? [])).flat();
};

const referenceTo = ({ id, workload, database, dueAt }: RecoveryPoint, proof: ProofName | undefined): PointReference => ({
  id,
  workload,
  database,
  dueAt,
  ...(proof ? { proof } : {}),
});
