import { CopyUnusable, NotReady } from '../kit/errors.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import { CleanKeys } from '../resources/clean-keys.ts';
import { OWNER_TAG, RdsSnapshots } from '../resources/rds-snapshots.ts';
import { requireSame } from '../resources/same-snapshot.ts';
import { incidentOf } from './replacement.ts';
import { cleanName, INCIDENT_TAG, restoreRun } from './restoring.ts';

/**
 * A copy of the recovery point under a key that whoever had rights on the old one has none on: the environment's named one, or a new one.
 * What is restored from it is encrypted with that key.
 * @throws NotReady until it is complete, CopyUnusable when RDS cannot make it, or another snapshot has the name.
 */
export const copyUnderCleanKey = defineStep({
  name: 'copy-under-clean-key',
  input: restoreRun,
  throws: [NotReady, CopyUnusable],
  build: ({ plan, region }) => ({ snapshots: new RdsSnapshots(region, plan.name), keys: new CleanKeys() }),
  run: async (input, services) => {
    const { workload, request } = input;
    const { plan, site, ledger, incidents, snapshots, keys } = services;
    const id = cleanName(plan, request);
    if (request.dryRun) return { would: `copy ${request.point.id} as ${id} under a new key` };
    const known = await snapshots.list();
    const copy = known.get(id);
    if (copy?.status === 'available') return { snapshot: copy.arn, key: copy.kmsKeyId };
    if (copy?.status === 'failed') throw new CopyUnusable(`${id} has failed`);
    if (copy) throw new NotReady(`${id} is ${copy.status}`);
    const source = known.get(request.point.id);
    if (!source) throw new CopyUnusable(`${request.point.id} is not in this site any more`);
    requireSame(source, await new RecoveryPoints(ledger).find(request.point));
    let { cleanKey } = await incidentOf(input, services);
    if (!cleanKey) {
      const tags = { [OWNER_TAG]: plan.name, [INCIDENT_TAG]: request.incident };
      cleanKey = plan.sites[site].cleanKeyArn ?? (await keys.make(`Lifeboat ${plan.name}: clean room of ${request.incident}`, tags));
      await incidents.note(request.incident, workload, { cleanKey });
    }
    const answer = await snapshots.copyAs(source, id, cleanKey, { [INCIDENT_TAG]: request.incident });
    if (answer.kind === 'refused') throw new CopyUnusable(`${id}: ${answer.because}`);
    throw new NotReady(answer.kind === 'wait' ? `${id} waits: ${answer.because}` : `${id} is being made`);
  },
});
export const handler = copyUnderCleanKey.handler;
