import { AddTagsToResourceCommand, CreateDBSnapshotCommand, DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RdsSnapshots } from '../../../lambdas/resources/rds-snapshots.ts';
import { ACCOUNT, EAST, eventually, Harness, WEST } from './harness.ts';

const STACK = { Key: 'aws:cloudformation:stack-name', Value: 'orders' };
const ID = 'lifeboat-demo-orders';

describe('an instance that CloudFormation made, whose snapshots take over its tags', () => {
  let lab: Harness;
  const available = (snapshots: RdsSnapshots) =>
    eventually(async () => [...(await snapshots.list()).values()].some(({ status }) => status === 'available'));

  beforeAll(async () => {
    lab = await Harness.start();
    lab.rds.listOnly(EAST, ['orders'], { CopyTagsToSnapshot: true, Tags: [STACK] });
    vi.stubEnv('AWS_ENDPOINT_URL_RDS', lab.endpoint);
    vi.stubEnv('AWS_ACCESS_KEY_ID', ACCOUNT);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await lab?.stop();
  });

  test('is backed up and copied, without the tags that no request may bring', async () => {
    const [east, west] = [new RdsSnapshots(EAST, 'demo'), new RdsSnapshots(WEST, 'demo')];
    expect(await east.take('orders', ID, {})).toEqual({ kind: 'asked' });
    await available(east);
    const source = (await east.list()).get(ID)!;
    expect(source.tags).toMatchObject({ [STACK.Key]: STACK.Value });
    expect(await west.copyFrom(source, 'alias/lifeboat-demo')).toEqual({ kind: 'asked' });
    await available(west);
    expect((await west.list()).get(ID)!.tags).toEqual({ 'lifeboat:environment': 'demo' });
  });

  test('such a tag in a request is refused, and with it all of the request', async () => {
    const client = lab.client(EAST);
    const refused = { name: 'InvalidParameterValue', message: 'Tag keys cannot start with the reserved prefix aws:' };
    const snapshot = { DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'by-hand', Tags: [STACK] };
    await expect(client.send(new CreateDBSnapshotCommand(snapshot))).rejects.toMatchObject(refused);
    await expect(client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: 'by-hand' }))).rejects.toThrow('not found');
    const ResourceName = `arn:aws:rds:${EAST}:${ACCOUNT}:db:orders`;
    await expect(client.send(new AddTagsToResourceCommand({ ResourceName, Tags: [STACK] }))).rejects.toMatchObject(refused);
  });
});
