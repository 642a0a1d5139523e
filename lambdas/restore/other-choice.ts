import type { RestoreIncident } from './replacement.ts';

/** A recovery point that an incident began with, and left for another one. */
export interface GivenUp {
  point: string;
  /** Why it had been chosen. */
  why: string;
  at: string;
}

/**
 * When a person approved the clean room, if ever: from then on the logins of both sites may be those of what was restored, and the old ones,
 * with which any other recovery point is opened, be gone.
 */
export const approvedAt = ({ approvedAt: before, approval }: RestoreIncident): string | undefined =>
  before ?? (approval?.answer?.verdict === 'approved' ? approval.answer.at : undefined);

/** Why an incident cannot go on with another recovery point; nothing where it can: in a clean room that nobody has approved yet. */
export const whyFinal = (incident: RestoreIncident): string | undefined => {
  const { request, committedAt } = incident;
  if (request.placement !== 'cleanRoom') return `'${request.point.id}' stays chosen: only a clean room goes on with another one`;
  if (committedAt || approvedAt(incident)) return `'${request.point.id}' stays chosen: the clean room with it was approved`;
  return undefined;
};

/** What an incident says of the recovery points that it left, once it goes on with another one. */
export const givenUp = ({ request, givenUp: earlier = [] }: RestoreIncident, now: number): GivenUp[] => [
  ...earlier,
  { point: request.point.id, why: request.why, at: new Date(now).toISOString() },
];
