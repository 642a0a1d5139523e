import { InvalidRequest, messageOf, NotReady } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { defineStep } from '../kit/step.ts';
import type { Change } from '../resources/rds-control.ts';
import { type Instance, isRefusal, isRefusedMove, RdsInstances } from '../resources/rds-instances.ts';
import { changeTo, type Settings } from '../resources/rds-settings.ts';
import { type Login, SecretStore } from '../resources/secret-store.ts';
import { changeWherePossible } from './put-settings-back.ts';
import { findRestored, incidentOf, requireClaim } from './replacement.ts';
import { cleanName, restoredDatabase, restoreRun } from './restoring.ts';

/**
 * A person has approved: the clean database moves into the workload's network, and both sites' secrets get its login, so that the guards
 * reach it, and no longer what was compromised.
 * @throws NotReady until it stands there and both secrets give the login.
 */
export const admitClean = defineStep({
  name: 'admit-clean',
  input: restoreRun,
  throws: [NotReady],
  build: ({ plan, region }) => ({
    instances: new RdsInstances(),
    own: new SecretStore(region),
    both: [plan.sites.primary.region, plan.sites.recovery.region].map((each) => new SecretStore(each)),
  }),
  run: async (input, services) => {
    const { workload, request } = input;
    const { plan, site, instances, own, both } = services;
    if (request.dryRun) return { would: "move it into the workload's network, and replace the login in both sites' secrets" };
    await requireClaim(input, services);
    const known = await instances.list();
    const { restored } = findRestored(known, services, input);
    if (restored?.status !== 'available') throw new NotReady(`the clean instance is ${restored?.status ?? 'not listed'}`);
    const { secret, instances: identifiers } = restoredDatabase(plan, workload, request);
    const { before } = await incidentOf(input, services);
    const old = known.get(identifiers[site]);
    const sameVpc = restored.vpcId !== undefined && restored.vpcId === old?.vpcId;
    const admitWith = (wanted: Settings) => admit(instances, restored, wanted, { sameVpc, execution: request.execution });
    if (before.settings) await admitWith(before.settings).catch((error: unknown) => admitWith(withGroupsOf(old, before.settings!, error)));
    await replaceLogins(both, secret, await own.read(cleanName(plan, request)));
    return { admitted: restored.id };
  },
});
export const handler = admitClean.handler;

/** A security group of then may be gone: those of the old instance are there. @throws the refusal where that is not what may help. */
const withGroupsOf = (old: Instance | undefined, wanted: Settings, error: unknown): Settings => {
  const groups = old?.settings.VpcSecurityGroupIds;
  if (!isRefusal(error) || !groups || groups.join() === wanted.VpcSecurityGroupIds?.join()) throw error;
  log('groups-refused', { groups: wanted.VpcSecurityGroupIds, instead: groups, error: messageOf(error) });
  return { ...wanted, VpcSecurityGroupIds: groups };
};

/** The network first, alone: what RDS refuses of the rest keeps nobody out, and Multi-AZ would forbid the move. */
const admit = async (
  instances: RdsInstances,
  restored: Instance,
  wanted: Settings,
  { sameVpc, execution }: { sameVpc: boolean; execution: string },
): Promise<void> => {
  const { DBSubnetGroupName, VpcSecurityGroupIds, PubliclyAccessible, ...rest } = changeTo(wanted, restored.settings) ?? {};
  const doors = { ...(VpcSecurityGroupIds && { VpcSecurityGroupIds }), ...(PubliclyAccessible !== undefined && { PubliclyAccessible }) };
  const move = { ...(DBSubnetGroupName && !sameVpc && { DBSubnetGroupName }), ...doors };
  const asked = await enter(instances, restored.id, move, doors);
  if (asked) throw new NotReady(`${restored.id}: ${Object.keys(asked).join(', ')} are being changed`);
  await changeWherePossible(instances, restored, rest, execution);
};

/** Where the old instance is gone, only RDS knows whether both are in one VPC, in which the security groups are all there is to change. */
const enter = async (instances: RdsInstances, id: string, move: Change, doors: Change): Promise<Change | undefined> => {
  if (move.DBSubnetGroupName) {
    try {
      await instances.modify(id, move);
      return move;
    } catch (error) {
      if (!isRefusedMove(error)) throw error;
      log('move-refused', { instance: id, dbSubnetGroup: move.DBSubnetGroupName, error: messageOf(error) });
    }
  }
  if (Object.keys(doors).length === 0) return undefined;
  await instances.modify(id, doors);
  return doors;
};

/**
 * Secrets Manager replicates a secret from one region, which may be either site's, and takes no write elsewhere: all writes come before the
 * first look at what they brought.
 */
const replaceLogins = async (stores: readonly SecretStore[], name: string, login: Login): Promise<void> => {
  const replicas: SecretStore[] = [];
  for (const store of stores) if ((await store.replace(name, login)) === 'replica') replicas.push(store);
  for (const store of replicas) {
    if (await store.holds(name, login)) continue;
    if (replicas.length === stores.length)
      throw new InvalidRequest(
        `secret: '${name}' is a replica in both sites; put the clean login where its primary is, and go on with the incident`,
      );
    throw new NotReady(`'${name}' in ${store.region} is a replica, and does not give the clean login yet: look at its replication`);
  }
};
