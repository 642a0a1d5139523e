import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Environment } from '../kit/plan.ts';
import { pointReference } from '../verification/copies.ts';

/** A restore as `read-restore-request` validated it; it travels unchanged through the machine. */
export const restoreRequest = z.strictObject({
  incident: z.string().min(1),
  dryRun: z.boolean(),
  reason: z.string(),
  database: z.string(),
  point: pointReference,
  /** Why this recovery point. */
  why: z.string(),
  startedAt: z.iso.datetime(),
  /** What is lost by going back to it, as far as its heartbeat tells. */
  lostSeconds: z.number().nullable(),
});
export type RestoreRequest = z.infer<typeof restoreRequest>;

/** What every step of a restore receives. */
export const restoreRun = z.strictObject({ workload: z.string(), request: restoreRequest });

/** The same run gives the same name, so that a step that is tried again finds what it began. */
export const restoredName = (plan: Environment, { incident, point }: RestoreRequest): string =>
  `lifeboat-${plan.name}-restored-${createHash('sha256').update(`${incident}/${point.id}`).digest('hex').slice(0, 16)}`;
