import { InvalidVPCNetworkStateFault, RDSServiceException } from '@aws-sdk/client-rds';
import { describe, expect, it } from 'vitest';
import { CopyUnusable, NotReady } from '../../lambdas/kit/errors.ts';
import { differences, type Settings } from '../../lambdas/resources/rds-settings.ts';
import type { RdsSnapshots, Snapshot } from '../../lambdas/resources/rds-snapshots.ts';
import { scramVerifier } from '../../lambdas/resources/scram.ts';
import { abortRestore } from '../../lambdas/restore/abort-restore.ts';
import { admitClean } from '../../lambdas/restore/admit-clean.ts';
import { askCutOver } from '../../lambdas/restore/ask-cut-over.ts';
import { claimWorkload } from '../../lambdas/restore/claim-workload.ts';
import { settingsUntilPlaced } from '../../lambdas/restore/clean-room.ts';
import { copyUnderCleanKey } from '../../lambdas/restore/copy-under-clean-key.ts';
import { putInPlace } from '../../lambdas/restore/put-in-place.ts';
import { renewCredentials } from '../../lambdas/restore/renew-credentials.ts';
import type { RestoreIncident } from '../../lambdas/restore/replacement.ts';
import { restoreDatabase } from '../../lambdas/restore/restore-database.ts';
import { beforeName, cleanName, restoredName } from '../../lambdas/restore/restoring.ts';
import { snapshotCurrent } from '../../lambdas/restore/snapshot-current.ts';
import { stopWrites } from '../../lambdas/restore/stop-writes.ts';
import { NOW } from '../kit/services.ts';
import { IDENTIFIER, MemoryRegion, requestOf, settings } from './region.ts';

const request = requestOf({ placement: 'cleanRoom' });
const run = { workload: 'orders', request };
const passed = { reachesTo: '2026-11-20T02:15:00.000Z', checks: [{ check: 'heap', verdict: 'passed' as const }], settings: [] };

const servicesOf = (region: MemoryRegion) => ({
  ...region.base,
  instances: region.instances,
  snapshots: region.snapshots,
  runSeconds: 60,
  hasEnded: async () => false,
  tell: async (subject: string) => void region.told.push(subject),
  save: async () => 's3://record',
});

const stopped = async (): Promise<MemoryRegion> => {
  const region = new MemoryRegion();
  await claimWorkload.run(run, servicesOf(region));
  await expect(stopWrites.run(run, servicesOf(region))).rejects.toThrow(NotReady);
  region.guard();
  await stopWrites.run(run, servicesOf(region));
  return region;
};

describe('a compromised database', () => {
  it('is opened by nobody any more, also when the run fails', async () => {
    const region = await stopped();
    expect(await abortRestore.run({ ...run, failure: { Error: 'States.Timeout', Cause: '' } }, servicesOf(region))).toMatchObject({
      outcome: 'interrupted',
    });
    region.guard();
    expect([...region.writers]).toEqual([]);
    await region.base.incidents.note('run-1', 'orders', { outcome: 'interrupted' });
    await claimWorkload.run({ workload: 'orders', request: requestOf({ placement: 'cleanRoom', execution: 'run-1' }) }, servicesOf(region));
    expect(region.base.memory.current!.claim).toMatchObject({ committed: true });
  });

  it('is kept as evidence, without a day on which that ends', async () => {
    const region = await stopped();
    await expect(snapshotCurrent.run(run, servicesOf(region))).rejects.toThrow(NotReady);
    const { tags } = region.taken.get(beforeName(region.base.plan, request))!;
    expect(tags).toMatchObject({ 'lifeboat:hold': 'evidence' });
    expect(tags).not.toHaveProperty('lifeboat:keep-until');
  });
});

it('takes the settings that the recovery point knows, and says in which the compromised instance differs', async () => {
  const region = new MemoryRegion();
  const { id, workload, database, dueAt } = request.point;
  const point = { id, workload, database, dueAt, instance: IDENTIFIER, settings, instanceTags: { team: 'orders' } };
  await region.base.ledger.put({ pk: `recovery-point#${workload}#${database}`, sk: `${dueAt}#${id}`, ...point });
  region.set(IDENTIFIER, { settings: { ...settings, PubliclyAccessible: true, EnableIAMDatabaseAuthentication: true } as Settings });
  await claimWorkload.run(run, servicesOf(region));
  const { before } = (await region.base.incidents.find('run-1', 'orders')) as RestoreIncident;
  expect(before).toMatchObject({ settings, found: true, host: `${IDENTIFIER}.host` });
  expect(before.notTaken?.sort()).toEqual(['EnableIAMDatabaseAuthentication', 'PubliclyAccessible']);
});

describe('the clean copy', () => {
  const given = async () => {
    const region = await stopped();
    region.taken.set('point-1', { id: 'point-1', arn: 'arn:point-1', status: 'available' } as Snapshot);
    const copied: unknown[] = [];
    const copyAs: RdsSnapshots['copyAs'] = async (source, id, key) => {
      copied.push([source.id, key]);
      region.taken.set(id, { id, arn: `arn:${id}`, status: 'creating', kmsKeyId: key } as Snapshot);
      return { kind: 'asked' };
    };
    Object.assign(region.snapshots, { copyAs });
    let keys = 0;
    return { region, copied, services: { ...servicesOf(region), keys: { make: async () => `key-${++keys}` } as never } };
  };

  it('is made once, under one new key', async () => {
    const { region, copied, services } = await given();
    for (let i = 0; i < 3; i++) await expect(copyUnderCleanKey.run(run, services)).rejects.toThrow(NotReady);
    expect(copied).toEqual([['point-1', 'key-1']]);
    region.taken.get(cleanName(region.base.plan, request))!.status = 'available';
    expect(await copyUnderCleanKey.run(run, services)).toMatchObject({ key: 'key-1' });
  });

  it('is of the snapshot that was proven, and of no other one of its name', async () => {
    const { region, copied, services } = await given();
    const takenAt = '2026-11-20T02:15:00.000Z';
    const { id, workload, database, dueAt } = request.point;
    await region.base.ledger.put({ pk: `recovery-point#${workload}#${database}`, sk: `${dueAt}#${id}`, id, takenAt });
    region.taken.set(id, { ...region.taken.get(id)!, takenAt: new Date(NOW).toISOString() });
    await expect(copyUnderCleanKey.run(run, services)).rejects.toThrow(CopyUnusable);
    expect(copied).toEqual([]);
    region.taken.set(id, { ...region.taken.get(id)!, takenAt });
    await expect(copyUnderCleanKey.run(run, services)).rejects.toThrow(NotReady);
  });

  it('that cannot be made ends the run', async () => {
    const { region, services } = await given();
    region.taken.clear();
    await expect(copyUnderCleanKey.run(run, services)).rejects.toThrow(CopyUnusable);
  });

  it('is what is restored, into the isolated network', async () => {
    const { region, services } = await given();
    const asked: unknown[] = [];
    const restoreLike = async (like: unknown, options: { snapshotId: string }) => void asked.push([like, options.snapshotId]);
    const { backups, instances } = region;
    await expect(restoreDatabase.run(run, { ...services, backups, instances: { ...instances, restoreLike } as never })).rejects.toThrow(
      NotReady,
    );
    expect(asked).toEqual([[settingsUntilPlaced(settings, request, region.base.plan, 'primary'), cleanName(region.base.plan, request)]]);
    expect((asked[0] as unknown[])[0]).toMatchObject({
      DBSubnetGroupName: 'isolated',
      VpcSecurityGroupIds: ['sg-0150a7ed'],
      MultiAZ: false,
    });
  });
});

/** The statement sets this password: what it carries is the verifier of it under some salt. */
const isOf = (password: string, sql: string): boolean => {
  const [, verifier, salt] = /'(SCRAM-SHA-256[$]4096:([^$]+)[$].+)'$/.exec(sql)!;
  return scramVerifier(password, Buffer.from(salt!, 'base64')) === verifier;
};

describe('logins', () => {
  it('are kept in the secret before the database learns of them; a second try goes on with the same', async () => {
    const region = await stopped();
    region.set(restoredName(region.base.plan, request));
    await region.base.incidents.note('run-1', 'orders', { cleanKey: 'key-1' });
    const order: string[] = [];
    let kept: unknown;
    const secrets = {
      usernameIn: async () => 'lifeboat',
      keepNew: async (_: string, value: unknown, key: string) => {
        order.push(`keep under ${key}`);
        kept ??= value;
        return kept;
      },
    } as never;
    const statements: string[] = [];
    const client = {
      query: async (sql: string) => {
        statements.push(sql);
        return { rows: [] };
      },
    };
    const connect = ({ secret }: { secret: string }) =>
      ({
        with: async (work: (with_: never) => unknown) => {
          order.push(`connect by ${secret.startsWith('lifeboat-') ? 'new' : 'old'}`);
          if (secret.startsWith('lifeboat-') && order.length < 4) throw new NotReady('password');
          return work(client as never);
        },
      }) as never;
    const services = { ...servicesOf(region), secrets, connect };
    expect(await renewCredentials.run(run, services)).toMatchObject({ renewed: ['orders_app', 'lifeboat'] });
    expect(order).toEqual(['keep under key-1', 'connect by new', 'connect by old']);
    await renewCredentials.run(run, services);
    expect(order.slice(3)).toEqual(['keep under key-1', 'connect by new']);
    const { password, applicationPasswords } = kept as { password: string; applicationPasswords: Record<string, string> };
    const wanted = [applicationPasswords.orders_app!, password];
    const altered = statements.filter((sql) => sql.startsWith('ALTER'));
    expect(altered.map((sql, at) => isOf(wanted[at % 2]!, sql))).toEqual([true, true, true, true]);
  });

  it('of both sites are replaced only once it stands in the network of the workload', async () => {
    const { replaced, admit } = await isolated();
    await expect(admit()).rejects.toThrow('DBSubnetGroupName');
    expect(replaced).toEqual([]);
    await expect(admit()).rejects.toThrow('MultiAZ');
    await admit();
    expect(replaced).toEqual(['primary', 'recovery']);
  });

  it('reach a replica by its own replication, from whichever site the primary is in', async () => {
    const holds = { now: false };
    const { replaced, admit } = await isolated({ replicas: { primary: holds } });
    for (let i = 0; i < 2; i++) await expect(admit()).rejects.toThrow(NotReady);
    await expect(admit()).rejects.toThrow('in primary is a replica');
    expect(replaced).toEqual(['recovery']);
    holds.now = true;
    expect(await admit()).toHaveProperty('admitted');
  });

  it('that no site may write end the run, with what to do', async () => {
    const holds = { now: false };
    const { admit } = await isolated({ replicas: { primary: holds, recovery: holds } });
    for (let i = 0; i < 2; i++) await expect(admit()).rejects.toThrow(NotReady);
    await expect(admit()).rejects.toThrow(/^secret: 'orders\/database' is a replica in both sites/);
    holds.now = true;
    expect(await admit()).toHaveProperty('admitted');
  });
});

/** A clean instance in the isolated network, approved; RDS refuses what AWS's does of a move. */
const isolated = async (over: { vpcs?: [string, string?]; replicas?: Record<string, { now: boolean }>; refused?: string } = {}) => {
  const { vpcs = ['vpc-2', 'vpc-1'], replicas = {}, refused } = over;
  const region = await stopped();
  const id = restoredName(region.base.plan, request);
  region.set(id, { settings: settingsUntilPlaced(settings, request, region.base.plan, 'primary')!, vpcId: vpcs[0] });
  if (vpcs[1]) region.set(IDENTIFIER, { vpcId: vpcs[1] });
  else region.known.delete(IDENTIFIER);
  Object.assign(region.base.memory.items.get('incident#run-1/orders')!, {
    before: {
      found: true,
      tags: {},
      settings: { ...settings, DBSubnetGroupName: 'orders', VpcSecurityGroupIds: ['sg-1'], PubliclyAccessible: false },
    },
  });
  const asked: string[][] = [];
  const modify = async (name: string, change: { DBSubnetGroupName?: string; VpcSecurityGroupIds?: string[] }) => {
    asked.push(Object.keys(change));
    const { MultiAZ } = region.known.get(name)!.settings;
    const $metadata = { httpStatusCode: 400 };
    if (change.DBSubnetGroupName && (vpcs[0] === (vpcs[1] ?? 'vpc-2') || MultiAZ || 'MultiAZ' in change))
      throw new InvalidVPCNetworkStateFault({ message: 'You cannot move it', $metadata });
    if (refused && (refused in change || change.VpcSecurityGroupIds?.includes(refused)))
      throw new RDSServiceException({ name: 'InvalidParameterValue', message: 'no', $fault: 'client', $metadata });
    await region.instances.modify(name, change);
  };
  const replaced: string[] = [];
  const held = new Set<string>();
  const store = (name: string) => ({
    region: name,
    replace: async () => {
      if (replicas[name]) return 'replica';
      if (!held.has(name)) replaced.push(name);
      held.add(name);
      return 'held';
    },
    holds: async () => replicas[name]?.now,
    read: async () => ({ username: 'u', password: 'p' }),
  });
  const services = {
    ...servicesOf(region),
    instances: { ...region.instances, modify } as never,
    own: store('own') as never,
    both: [store('primary'), store('recovery')] as never[],
  };
  const settle = async () => {
    for (let tries = 0; ; tries++)
      try {
        return await admitClean.run(run, services);
      } catch (error) {
        if (!(error instanceof NotReady) || tries > 5) throw error;
      }
  };
  return { region, id, asked, replaced, admit: () => admitClean.run(run, services), settle };
};

describe('the way into the network of the workload', () => {
  const doors = ['VpcSecurityGroupIds'];

  it('to another VPC is gone in one zone; the second comes after it', async () => {
    const { asked, settle, id, region } = await isolated();
    await settle();
    expect(asked).toEqual([['DBSubnetGroupName', ...doors], ['MultiAZ']]);
    expect(differences({ ...settings, DBSubnetGroupName: 'orders' }, region.known.get(id)!.settings)).not.toContain('MultiAZ');
  });

  it('within one VPC is its security groups alone, and the comparison says what stays and why', async () => {
    const { asked, settle, id, region } = await isolated({ vpcs: ['vpc-1', 'vpc-1'] });
    await settle();
    expect(asked).toEqual([doors, ['MultiAZ']]);
    region.known.delete(IDENTIFIER);
    await expect(putInPlace.run(run, servicesOf(region))).rejects.toThrow(NotReady);
    region.look();
    region.known.get(IDENTIFIER)!.tags['lifeboat:run'] = 'run-1';
    const { settings: left } = (await putInPlace.run(run, servicesOf(region))) as { settings: string[] };
    expect(left).toEqual([expect.stringMatching(/^DBSubnetGroupName \(stays .* one VPC\)$/)]);
    expect(region.known.has(id)).toBe(false);
  });

  it('is by the groups of the old instance where one of then is gone', async () => {
    const { settle, id, region } = await isolated({ refused: 'sg-1' });
    region.set(IDENTIFIER, { vpcId: 'vpc-1', settings: { ...settings, VpcSecurityGroupIds: ['sg-now'] } });
    await settle();
    expect(region.known.get(id)!.settings.VpcSecurityGroupIds).toEqual(['sg-now']);
  });

  it('is found by asking where the old instance is gone', async () => {
    const { asked, settle } = await isolated({ vpcs: ['vpc-2'] });
    await settle();
    expect(asked.slice(0, 2)).toEqual([['DBSubnetGroupName', ...doors], doors]);
    expect(asked).toContainEqual(['MultiAZ']);
  });

  it('is not barred by a setting that RDS refuses; one that is not open ends the run', async () => {
    expect(await (await isolated({ refused: 'MultiAZ' })).settle()).toHaveProperty('admitted');
    await expect((await isolated({ refused: 'VpcSecurityGroupIds' })).settle()).rejects.toThrow('no');
  });
});

describe('a person', () => {
  it('is told when nobody knows to when the data reach', async () => {
    const region = await stopped();
    const told: unknown[] = [];
    const services = { ...region.base, tell: async (_: string, facts: unknown) => void told.push(facts) };
    const found = { ...passed, reachesTo: null };
    await askCutOver.run({ ...run, token: 't', inspected: found, renewed: { secret: 'clean', closed: [], left: [] } }, services);
    expect(told).toMatchObject([{ reachesTo: 'unknown' }]);
  });

  it('is asked about what is good alone, and the token goes into the ledger alone', async () => {
    const region = await stopped();
    const told: unknown[] = [];
    const services = { ...region.base, tell: async (_: string, facts: unknown) => void told.push(facts) };
    const renewed = { secret: 'clean', closed: ['night_shift'], left: [] };
    const bad = { ...passed, checks: [{ check: 'heap', verdict: 'failed' as const }] };
    await expect(askCutOver.run({ ...run, token: 'secret-token', inspected: bad, renewed }, services)).rejects.toThrow(CopyUnusable);
    await expect(
      askCutOver.run({ ...run, token: 'secret-token', inspected: passed, renewed: { ...renewed, left: ['backdoor'] } }, services),
    ).rejects.toThrow('backdoor');
    await askCutOver.run({ ...run, token: 'secret-token', inspected: passed, renewed }, services);
    const { point, why, lostSeconds, reason } = request;
    const { reachesTo } = passed;
    expect(told).toMatchObject([
      {
        closedLogins: ['night_shift'],
        settings: expect.stringMatching(/^those of the old instance/),
        recoveryPoint: point.id,
        dueAt: point.dueAt,
        reachesTo,
        why,
        lostSeconds,
        reason,
      },
    ]);
    expect(JSON.stringify(told)).not.toContain('secret-token');
    expect(region.base.memory.items.get('incident#run-1/#question#orders')).toMatchObject({
      token: 'secret-token',
      because: `a clean room is ready to take over, of recovery point ${point.id}, whose data reach to ${reachesTo}`,
    });
    expect(JSON.stringify(await region.base.incidents.find('run-1', 'orders'))).not.toContain('secret-token');
  });
});
