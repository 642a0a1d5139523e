import {
  CopyDBSnapshotCommand,
  CreateDBInstanceCommand,
  CreateDBSnapshotCommand,
  type DBSnapshot,
  DeleteDBSnapshotCommand,
  DescribeDBSnapshotAttributesCommand,
  DescribeDBSnapshotsCommand,
  type DescribeDBSnapshotsMessage,
  ModifyDBSnapshotAttributeCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCOUNT, EAST, eventually, Harness, MASTER } from './harness.ts';

const VAULT = '111111111111';
const arnOf = (account: string, name: string) => `arn:aws:rds:${EAST}:${account}:snapshot:${name}`;

describe('snapshots between accounts, of instances without a server', () => {
  let lab: Harness;
  const own = () => lab.client(EAST);
  const vault = () => lab.client(EAST, VAULT);
  const list = async (client: ReturnType<typeof own>, input: DescribeDBSnapshotsMessage = {}): Promise<DBSnapshot[]> =>
    (await client.send(new DescribeDBSnapshotsCommand(input))).DBSnapshots!;
  const names = async (...asked: Parameters<typeof list>) =>
    (await list(...asked)).map(({ DBSnapshotIdentifier }) => DBSnapshotIdentifier).sort();
  const share = (name: string, ...accounts: string[]) =>
    own().send(new ModifyDBSnapshotAttributeCommand({ DBSnapshotIdentifier: name, AttributeName: 'restore', ValuesToAdd: accounts }));
  const pull = (name: string, KmsKeyId?: string) =>
    vault().send(
      new CopyDBSnapshotCommand({
        SourceDBSnapshotIdentifier: arnOf(ACCOUNT, name),
        TargetDBSnapshotIdentifier: name,
        KmsKeyId,
        CopyTags: true,
      }),
    );
  const available = (client: ReturnType<typeof own>) =>
    eventually(async () => (await list(client)).every(({ Status }) => Status === 'available'));

  beforeAll(async () => {
    lab = await Harness.start();
    lab.rds.listOnly(EAST, ['plain']);
    lab.rds.listOnly(EAST, ['default-key'], { StorageEncrypted: true });
    lab.rds.listOnly(EAST, ['own-key'], { StorageEncrypted: true, KmsKeyId: 'alias/own' });
    for (const name of ['plain', 'default-key', 'own-key']) {
      const Tags = [{ Key: 'of', Value: 'ours' }];
      await own().send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: name, DBSnapshotIdentifier: name, Tags }));
    }
    await available(own());
  });

  afterAll(() => lab.stop());

  test('are not there for another account until they are shared, and then by ARN, without their tags', async () => {
    expect(await names(vault(), { IncludeShared: true })).toEqual([]);
    await expect(pull('own-key', 'alias/vault')).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
    await share('own-key', VAULT);
    const { DBSnapshotAttributesResult: attributes } = await own().send(
      new DescribeDBSnapshotAttributesCommand({ DBSnapshotIdentifier: 'own-key' }),
    );
    expect(attributes!.DBSnapshotAttributes).toEqual([{ AttributeName: 'restore', AttributeValues: [VAULT] }]);
    expect(await names(vault())).toEqual([]);
    for (const asked of [{ IncludeShared: true }, { SnapshotType: 'shared' }]) {
      expect(await list(vault(), asked)).toMatchObject([{ DBSnapshotIdentifier: arnOf(ACCOUNT, 'own-key'), TagList: [] }]);
    }
    expect(await names(vault(), { SnapshotType: 'manual', IncludeShared: true })).toEqual([]);
    expect(await names(lab.client(EAST, '222222222222'), { SnapshotType: 'shared' })).toEqual([]);
  });

  test('under the default key are not shared, encrypted ones not with everybody', async () => {
    await expect(share('default-key', VAULT)).rejects.toMatchObject({ name: 'InvalidDBSnapshotStateFault' });
    await expect(share('own-key', 'all')).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
    await expect(share('plain', 'somebody')).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('are copied under a key of the other account, and are its own from then on', async () => {
    await expect(pull('own-key')).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
    await pull('own-key', 'alias/vault');
    await available(vault());
    const [copy] = await list(vault());
    expect(copy).toMatchObject({
      DBSnapshotArn: arnOf(VAULT, 'own-key'),
      SourceDBSnapshotIdentifier: arnOf(ACCOUNT, 'own-key'),
      KmsKeyId: 'alias/vault',
      TagList: [],
    });
    // The copy is shared with nobody, the owner of the source included.
    const reference = { DBSnapshotIdentifier: arnOf(VAULT, 'own-key') };
    await expect(own().send(new DeleteDBSnapshotCommand(reference))).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
    await expect(list(own(), reference)).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
    await own().send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: 'own-key' }));
    expect(await names(own())).toEqual(['default-key', 'plain']);
    expect(await names(vault(), { IncludeShared: true })).toEqual(['own-key']);
  });

  test('that are shared and encrypted are restored from a copy only', async () => {
    const back = { DBSnapshotIdentifier: arnOf(VAULT, 'own-key'), AttributeName: 'restore', ValuesToAdd: [ACCOUNT] };
    await vault().send(new ModifyDBSnapshotAttributeCommand(back));
    const restore = (DBSnapshotIdentifier: string) =>
      own().send(new RestoreDBInstanceFromDBSnapshotCommand({ DBInstanceIdentifier: 'restored', DBSnapshotIdentifier }));
    await expect(restore(arnOf(VAULT, 'own-key'))).rejects.toMatchObject({ name: 'InvalidDBSnapshotStateFault' });
  });

  test('are all that another account has here', async () => {
    const instance = { DBInstanceIdentifier: 'x', Engine: 'postgres', DBInstanceClass: 'db.t4g.micro', AllocatedStorage: 20, ...MASTER };
    await expect(vault().send(new CreateDBInstanceCommand(instance))).rejects.toThrow(/no instances of account 111111111111/);
  });
});
