import type { CheckRecord, WatchedDatabase } from './check-records.ts';

/**
 * What a person is offered beside the alarm: the restore with the time filled in, as a command and as the input of the machine. Beside the
 * live database, which it does not touch. Nothing where the check never passed: then no time is known to be good.
 */
export const restoreOffer = (environment: string, { workload, database }: WatchedDatabase, { check, lastPassedAt }: CheckRecord) => {
  if (!lastPassedAt) return undefined;
  const reason = `integrity: ${check} failed`;
  return {
    command: `npx lifeboat restore ${workload} --database ${database} --at ${lastPassedAt} --reason "${reason}" --env ${environment}`,
    machine: `lifeboat-${environment}-restore`,
    input: { workload, database, target: { at: lastPassedAt }, reason },
  };
};
