import { messageOf, NotReady } from '../kit/errors.ts';
import type { Isolation, IsolationMemory } from '../kit/fences.ts';
import { log } from '../kit/log.ts';
import { type DBInstance, isOperational, type RdsControl } from './rds-control.ts';

export interface NetworkFenceOptions {
  rds: RdsControl;
  /** A security group that lets nobody in; nothing where the environment names none. */
  isolatingGroup: string | undefined;
  /** Nothing where the ledger is not at hand: then nothing is isolated, since nobody could put it back. */
  memory: IsolationMemory | undefined;
  now: () => number;
  /** So long SQL must have failed before the network is used: an engine that restarts is back by then. */
  patienceMs: number;
}

/** A change of groups that was asked for is shown by then. */
const SHOWN_WITHIN_MS = 60_000;
/** What only a server that was reached answers: wrong password, no room, not yet. */
const ANSWERS = new Set(['28P01', '53300', '57P03']);

/**
 * The fence for a writer that SQL does not reach: an isolating security group instead of its own ones, and a reboot once that is in
 * force, since tracked connections outlive a change of groups (AWS, EC2 user guide, 'Security group connection tracking', 2026-11).
 */
export class NetworkFence {
  private failingSince?: number;
  private isNoted = false;

  constructor(private readonly options: NetworkFenceOptions) {}

  /** SQL has reached the writer. */
  reached(): void {
    this.failingSince = undefined;
  }

  /**
   * SQL has opened the writer: an isolation that was put back, by whomever, is noted as over, so that the next one begins anew. Beside the
   * opening, which must not wait for RDS; asked once, and again while it fails.
   */
  opened(): void {
    this.reached();
    if (this.isNoted) return;
    this.isNoted = true;
    this.noteRestored().catch((error: unknown) => {
      this.isNoted = false;
      if (!(error instanceof NotReady)) log('network-not-looked-at', { instance: this.options.rds.identifier, error: messageOf(error) });
    });
  }

  private async noteRestored(): Promise<void> {
    const { rds, memory, isolatingGroup, now } = this.options;
    const isolation = isolatingGroup ? await memory?.read() : undefined;
    if (!memory || !isolation || !isolatingGroup) return;
    const instance = await rds.get();
    if (instance.DbiResourceId !== isolation.resourceId) return;
    if (groupsOf(instance).includes(isolatingGroup)) return void (await this.open());
    if (now() - Date.parse(isolation.isolatedAt) < SHOWN_WITHIN_MS) throw new NotReady(`${rds.identifier} may be about to be isolated`);
    await memory.note({ restoredAt: new Date(now()).toISOString() });
  }

  /**
   * One step further each call, `refusal` being why SQL could not do it just now. Returns the proof once the instance is isolated,
   * rebooted since, and refuses the connection.
   * @throws NotReady until then; the refusal itself while there is patience, and always where there is no way to isolate.
   */
  async close(refusal: unknown): Promise<string> {
    const { rds, isolatingGroup, memory, now, patienceMs } = this.options;
    if (!isolatingGroup || !memory) throw refusal;
    this.failingSince ??= now();
    this.isNoted = false;
    const instance = await rds.get();
    if (instance.ReadReplicaSourceDBInstanceIdentifier) throw refusal; // nobody writes there
    const remembered = await memory.read();
    const isolation = remembered?.resourceId === instance.DbiResourceId ? remembered : undefined;
    // Who comes second has nothing to be patient about.
    if (!isolation && now() - this.failingSince < patienceMs) throw refusal;
    if (!isIsolated(instance, isolatingGroup)) return this.isolate(instance, isolation, { isolatingGroup, memory });
    if (!isOperational(instance)) throw new NotReady(`${rds.identifier} is isolated and ${instance.DBInstanceStatus}`);
    if (!isolation?.rebootAskedAt) return this.reboot(isolation, instance, memory);
    if (!isRefusedConnection(refusal)) throw new NotReady(`${rds.identifier} still answers: ${isolatingGroup} lets somebody in`);
    return `isolated by ${isolatingGroup}, rebooted after, connection refused`;
  }

  /** Puts back what was, on the instance of this name. True when there is nothing left to put back. @throws NotReady until then. */
  async open(identifier = this.options.rds.identifier): Promise<boolean> {
    const { rds, memory, isolatingGroup, now } = this.options;
    const isolation = await memory?.read();
    if (!memory || !isolation || !isolatingGroup) return true;
    this.isNoted = false;
    const instance = await rds.find(identifier);
    if (!instance || instance.DbiResourceId !== isolation.resourceId) return true;
    if (sameGroups(groupsOf(instance), isolation.securityGroupIds)) {
      await memory.note({ restoredAt: new Date(now()).toISOString() });
      return true;
    }
    if (isolation.securityGroupIds.length === 0)
      throw new NotReady(`${identifier} was isolated by somebody else: put its security groups back by hand`);
    await forgetReboot(isolation, memory);
    await rds.modify({ VpcSecurityGroupIds: isolation.securityGroupIds }, identifier);
    throw new NotReady(`the security groups of ${identifier} are being put back`);
  }

  /**
   * What was is written down before it is changed, each time: an isolation that was put back is over, and its reboot with it. A group that
   * is there already, but not alone or not in force, is waited for.
   */
  private async isolate(
    instance: DBInstance,
    known: Isolation | undefined,
    { isolatingGroup, memory }: { isolatingGroup: string; memory: IsolationMemory },
  ): Promise<never> {
    const { rds, now } = this.options;
    const groups = groupsOf(instance);
    if (!groups.includes(isolatingGroup)) {
      await memory.write({
        resourceId: instance.DbiResourceId ?? '',
        securityGroupIds: groups,
        parameterGroup: instance.DBParameterGroups?.[0]?.DBParameterGroupName,
        isolatedAt: new Date(now()).toISOString(),
      });
      await rds.modify({ VpcSecurityGroupIds: [isolatingGroup] });
    } else if (known) await forgetReboot(known, memory);
    throw new NotReady(`${rds.identifier} cannot be reached by SQL and is being isolated`);
  }

  private async reboot(isolation: Isolation | undefined, instance: DBInstance, memory: IsolationMemory): Promise<never> {
    const { rds, now } = this.options;
    const at = new Date(now()).toISOString();
    await rds.reboot();
    if (isolation) await memory.note({ rebootAskedAt: at });
    else await memory.write({ resourceId: instance.DbiResourceId ?? '', securityGroupIds: [], isolatedAt: at, rebootAskedAt: at });
    throw new NotReady(`${rds.identifier} is isolated and being rebooted`);
  }
}

/** A reboot proves nothing once other groups were in force after it: sessions may have come back. */
const forgetReboot = async (isolation: Isolation, memory: IsolationMemory): Promise<void> => {
  if (isolation.rebootAskedAt) await memory.write({ ...isolation, rebootAskedAt: undefined });
};

const groupsOf = ({ VpcSecurityGroups = [] }: DBInstance): string[] =>
  VpcSecurityGroups.map(({ VpcSecurityGroupId = '' }) => VpcSecurityGroupId);

const isIsolated = ({ VpcSecurityGroups = [] }: DBInstance, group: string): boolean =>
  VpcSecurityGroups.length === 1 && VpcSecurityGroups[0]!.VpcSecurityGroupId === group && VpcSecurityGroups[0]!.Status === 'active';

const sameGroups = (a: readonly string[], b: readonly string[]): boolean => JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());

/** No session came about, and not because the server itself said no. */
const isRefusedConnection = (refusal: unknown): boolean => {
  if (!(refusal instanceof NotReady) || refusal.cause === undefined) return false;
  return !ANSWERS.has((refusal.cause as { code?: string }).code ?? '');
};
