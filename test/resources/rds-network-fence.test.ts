import { beforeEach, describe, expect, it } from 'vitest';
import { NotReady } from '../../lambdas/kit/errors.ts';
import { type Isolation, IsolationMemory } from '../../lambdas/kit/fences.ts';
import type { Ledger } from '../../lambdas/kit/ledger.ts';
import type { DBInstance, RdsControl } from '../../lambdas/resources/rds-control.ts';
import { NetworkFence } from '../../lambdas/resources/rds-network-fence.ts';
import { MemoryLedger, NOW } from '../kit/services.ts';

const ISOLATING = 'sg-0150a7e0';
const OWN = ['sg-0a', 'sg-0b'];
const PATIENCE_MS = 5_000;
const refusal = (code?: string) => new NotReady('cannot connect', { cause: Object.assign(new Error('no route'), { code }) });
const settled = () => new Promise((resolve) => setImmediate(resolve));
const groups = (ids: readonly string[], Status = 'active') => ids.map((VpcSecurityGroupId) => ({ VpcSecurityGroupId, Status }));

/** One instance, as RDS keeps it, and a fence that is asked round by round. */
class Site {
  instance: DBInstance = { DbiResourceId: 'db-1', DBInstanceStatus: 'available', VpcSecurityGroups: groups(OWN) };
  readonly calls: unknown[] = [];
  readonly ledger = new MemoryLedger();
  now = NOW;

  readonly fence = this.newFence();

  newFence(isolatingGroup: string | undefined = ISOLATING, remembers = true): NetworkFence {
    const rds = {
      identifier: 'orders-primary',
      get: async () => this.instance,
      find: async () => this.instance,
      modify: async ({ VpcSecurityGroupIds }: { VpcSecurityGroupIds: string[] }, name?: string) => {
        this.calls.push(['modify', VpcSecurityGroupIds, name]);
        this.instance = { ...this.instance, VpcSecurityGroups: groups(VpcSecurityGroupIds) };
      },
      reboot: async () => void this.calls.push(['reboot']),
    } as unknown as RdsControl;
    const memory = new IsolationMemory(this.ledger as unknown as Ledger, { workload: 'orders', site: 'primary', database: 'orders' });
    return new NetworkFence({ rds, isolatingGroup, memory: remembers ? memory : undefined, now: () => this.now, patienceMs: PATIENCE_MS });
  }

  /** Isolated and rebooted. */
  async close(): Promise<void> {
    await this.outOfPatience();
    for (const _ of ['modify', 'reboot']) await expect(this.fence.close(refusal())).rejects.toBeInstanceOf(NotReady);
  }

  get reboots(): number {
    return this.calls.filter((call) => (call as string[])[0] === 'reboot').length;
  }

  get isolation(): Isolation {
    return [...this.ledger.items.values()].find((item) => 'isolatedAt' in item) as unknown as Isolation;
  }

  /** SQL has failed for long enough. */
  async outOfPatience(): Promise<void> {
    await expect(this.fence.close(refusal())).rejects.toThrow('cannot connect');
    this.now += PATIENCE_MS;
  }
}

let site: Site;
beforeEach(() => {
  site = new Site();
});

describe('a writer that SQL does not reach', () => {
  it('is given time first, and all of it anew once SQL has reached it', async () => {
    await site.outOfPatience();
    site.fence.reached();
    await expect(site.fence.close(refusal())).rejects.toThrow('cannot connect');
    expect(site.calls).toEqual([]);
  });

  it('is isolated, then rebooted, and proven by a connection that is refused afterwards', async () => {
    await site.outOfPatience();
    await expect(site.fence.close(refusal())).rejects.toThrow(/being isolated/);
    await expect(site.fence.close(refusal())).rejects.toThrow(/being rebooted/);
    site.instance.DBInstanceStatus = 'rebooting';
    await expect(site.fence.close(refusal())).rejects.toThrow(/isolated and rebooting/);
    site.instance.DBInstanceStatus = 'available';
    expect(await site.fence.close(refusal('ETIMEDOUT'))).toBe(`isolated by ${ISOLATING}, rebooted after, connection refused`);
    expect(site.calls).toEqual([['modify', [ISOLATING], undefined], ['reboot']]);
  });

  it('is not rebooted before its old groups are out of force: sessions would come back through them', async () => {
    await site.outOfPatience();
    site.instance.VpcSecurityGroups = [...groups([ISOLATING], 'adding'), ...groups(OWN, 'removing')];
    await expect(site.fence.close(refusal())).rejects.toThrow(/being isolated/);
    expect(site.calls).toEqual([]);
  });

  it.each(['28P01', '53300', '57P03'])('is not proven while the server itself answers (%s)', async (code) => {
    await site.outOfPatience();
    for (const _ of ['modify', 'reboot']) await expect(site.fence.close(refusal(code))).rejects.toBeInstanceOf(NotReady);
    await expect(site.fence.close(refusal(code))).rejects.toThrow(/still answers/);
  });

  it('gets exactly its own groups back, under its new name too', async () => {
    await site.outOfPatience();
    await expect(site.fence.close(refusal())).rejects.toBeInstanceOf(NotReady);
    await expect(site.fence.open('orders-primary-before-epoch-4')).rejects.toThrow(/being put back/);
    expect(site.calls.at(-1)).toEqual(['modify', OWN, 'orders-primary-before-epoch-4']);
    expect(await site.fence.open()).toBe(true);
    expect(await site.fence.open()).toBe(true);
    expect(site.calls).toHaveLength(2);
  });

  it('is remembered as it was by whoever comes second, who goes on at once', async () => {
    await site.outOfPatience();
    await expect(site.fence.close(refusal())).rejects.toBeInstanceOf(NotReady);
    const second = site.newFence();
    await expect(second.close(refusal())).rejects.toThrow(/being rebooted/);
    expect(await site.newFence().close(refusal())).toContain('connection refused');
    await expect(second.open()).rejects.toThrow(/being put back/);
    expect(site.calls.at(-1)).toEqual(['modify', OWN, 'orders-primary']);
  });

  it('is another one than the one before: what was done to that is not done to this', async () => {
    await site.outOfPatience();
    for (const _ of ['modify', 'reboot']) await expect(site.fence.close(refusal())).rejects.toBeInstanceOf(NotReady);
    site.instance = { DbiResourceId: 'db-2', DBInstanceStatus: 'available', VpcSecurityGroups: groups(['sg-0c']) };
    const fence = site.newFence();
    await expect(fence.close(refusal())).rejects.toThrow('cannot connect');
    site.now += PATIENCE_MS;
    await expect(fence.close(refusal())).rejects.toThrow(/being isolated/);
    await expect(fence.close(refusal())).rejects.toThrow(/being rebooted/);
    await expect(fence.open()).rejects.toThrow(/being put back/);
    expect(site.calls.at(-1)).toEqual(['modify', ['sg-0c'], 'orders-primary']);
  });

  it.each([
    ['ours', 'noted', true],
    ['ours', 'never noted', false],
    ["a person's", 'never noted', false],
  ])('is rebooted anew when it is isolated anew: after an opening that was %s and %s', async (whose, _, noted) => {
    await site.close();
    expect(await site.fence.close(refusal())).toContain('rebooted after');
    if (whose === 'ours') await expect(site.fence.open()).rejects.toThrow(/being put back/);
    else site.instance.VpcSecurityGroups = groups(['sg-0c']);
    if (noted) expect(await site.fence.open()).toBe(true);
    site.fence.reached();
    await site.outOfPatience().catch(() => undefined); // without the note it has been isolated by now
    await expect(site.fence.close(refusal())).rejects.toBeInstanceOf(NotReady);
    if (site.reboots < 2) await expect(site.fence.close(refusal())).rejects.toThrow(/being rebooted/);
    expect(site.reboots).toBe(2);
    expect(await site.fence.close(refusal())).toContain('rebooted after');
    expect(site.isolation.securityGroupIds).toEqual(whose === 'ours' ? OWN : ['sg-0c']);
  });

  it('is rebooted anew also while RDS still shows the isolation that we are about to end', async () => {
    await site.close();
    const shown = site.instance;
    await expect(site.fence.open()).rejects.toThrow(/being put back/);
    site.instance = shown;
    await expect(site.fence.close(refusal())).rejects.toThrow(/being rebooted/);
  });

  it('is rebooted anew when other groups were there beside the isolating one', async () => {
    await site.close();
    site.instance.VpcSecurityGroups = groups([ISOLATING, 'sg-0c']);
    await expect(site.fence.close(refusal())).rejects.toThrow(/being isolated/);
    site.instance.VpcSecurityGroups = groups([ISOLATING]);
    await expect(site.fence.close(refusal())).rejects.toThrow(/being rebooted/);
    await expect(site.fence.open()).rejects.toThrow(/being put back/);
    expect(site.calls.at(-1)).toEqual(['modify', OWN, 'orders-primary']);
  });

  it('is noted as open again when SQL opens it, by whomever it was put back, and without waiting for RDS', async () => {
    await site.close();
    site.instance.VpcSecurityGroups = groups(['sg-0c']);
    const loop = site.newFence();
    loop.opened();
    await settled();
    expect(site.isolation.restoredAt).toBeUndefined(); // RDS may not show yet what was asked for just now
    site.now += 60_000;
    loop.opened();
    await settled();
    expect(site.isolation.restoredAt).toBeDefined();
    expect(site.instance.VpcSecurityGroups).toEqual(groups(['sg-0c']));
  });

  it('is looked at once a loop, and again while that fails', async () => {
    await site.close();
    site.now += 60_000;
    site.instance.VpcSecurityGroups = groups(OWN);
    const { get } = site.ledger;
    let asked = 0;
    site.ledger.get = async (key) => {
      if (++asked === 1) throw new Error('ledger unreachable');
      return get(key);
    };
    for (const _ of ['fails', 'notes', 'knows']) {
      site.fence.opened();
      await settled();
    }
    expect(site.isolation.restoredAt).toBeDefined();
    expect(asked).toBe(2);
  });

  it('is remembered before it is changed', async () => {
    site.ledger.put = async () => {
      throw new Error('ledger unreachable');
    };
    await site.outOfPatience();
    await expect(site.fence.close(refusal())).rejects.toThrow('ledger unreachable');
    expect(site.calls).toEqual([]);
  });

  it('that was isolated by somebody else is not opened by us', async () => {
    site.instance.VpcSecurityGroups = groups([ISOLATING]);
    await site.outOfPatience();
    await expect(site.fence.close(refusal())).rejects.toThrow(/being rebooted/);
    await expect(site.fence.open()).rejects.toThrow(/by hand/);
  });
});

it('nothing is isolated without a group, without a ledger to remember, or where nobody writes', async () => {
  for (const fence of [site.newFence(''), site.newFence(ISOLATING, false)]) {
    await expect(fence.close(refusal())).rejects.toThrow('cannot connect');
    site.now += PATIENCE_MS;
    await expect(fence.close(refusal())).rejects.toThrow('cannot connect');
  }
  site.instance.ReadReplicaSourceDBInstanceIdentifier = 'arn';
  await site.outOfPatience();
  await expect(site.fence.close(refusal())).rejects.toThrow('cannot connect');
  expect(site.calls).toEqual([]);
});
