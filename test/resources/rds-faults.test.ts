import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classify, NotReady, Transient } from '../../lambdas/kit/errors.ts';
import { RdsInstances } from '../../lambdas/resources/rds-instances.ts';
import { RdsSnapshots, type Snapshot } from '../../lambdas/resources/rds-snapshots.ts';
import { startFakeAws } from './fake-aws.ts';

/** What RDS answers with, or nothing at all. */
type Fault = { status: number; code: string } | 'reset';

const PASSING: Record<string, Fault> = {
  throttled: { status: 400, code: 'Throttling' },
  'a fault of its own': { status: 500, code: 'InternalFailure' },
  unavailable: { status: 503, code: 'ServiceUnavailable' },
  'a connection that breaks': 'reset',
};
const DENIED: Fault = { status: 403, code: 'AccessDenied' };
const source = { id: 'lifeboat-demo-x', arn: 'arn:aws:rds:us-west-2:000000000000:snapshot:lifeboat-demo-x', tags: {} } as Snapshot;

describe('calls to RDS', () => {
  let aws: { close: () => void };
  let fault: Fault = DENIED;
  let asked = 0;
  let sent = new URLSearchParams();

  beforeAll(async () => {
    aws = await startFakeAws('us-west-2', (body, response, request) => {
      asked += 1;
      sent = new URLSearchParams(body);
      if (fault === 'reset') return void request.socket.destroy();
      const xml = `<ErrorResponse><Error><Code>${fault.code}</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>`;
      response.writeHead(fault.status, { 'content-type': 'text/xml' }).end(xml);
    });
  });
  afterAll(() => aws.close());

  /** Those whose failure ends the step: the machine tries it again when it passes, and says so when it does not. */
  const steps = {
    'list snapshots': () => new RdsSnapshots('us-west-2', 'demo').list(),
    'delete a snapshot': () => new RdsSnapshots('us-west-2', 'demo').remove('x'),
    'list instances': () => new RdsInstances().list(),
    'restore an instance': () => new RdsInstances().restoreLike(undefined, { id: 'a', snapshotId: 's', tags: {} }),
    'delete an instance': () => new RdsInstances().remove('a'),
  };
  /** Those of many in one step: one's failure is an answer, so that it holds up no other. */
  const answers = {
    'take a snapshot': () => new RdsSnapshots('us-west-2', 'demo').take('i', 'x', {}),
    'copy a snapshot': () => new RdsSnapshots('us-west-2', 'demo').copyFrom(source, 'alias/k'),
  };

  it('delete a snapshot once: one that a lost answer has deleted has no tags by which IAM could allow it again', async () => {
    fault = PASSING['a fault of its own']!;
    asked = 0;
    await expect(new RdsSnapshots('us-west-2', 'demo').remove('x')).rejects.toThrow();
    expect(asked).toBe(1);
  });

  it.each([
    ['from elsewhere', (tagged: Snapshot) => new RdsSnapshots('us-west-2', 'demo').copyFrom(tagged, 'alias/k')],
    ['under another name', (tagged: Snapshot) => new RdsSnapshots('us-west-2', 'demo').copyAs(tagged, 'x', 'alias/k', tagged.tags)],
  ])("copy %s without AWS's own tags, which RDS takes from nobody", async (_, copy) => {
    fault = DENIED;
    await copy({ ...source, tags: { 'aws:cloudformation:stack-name': 'orders', 'aws-of-ours': 'a', team: 'b' } });
    const keys = [...sent].flatMap(([name, value]) => (/^Tags\..*\.Key$/.test(name) ? [value] : []));
    expect(keys.sort()).toEqual(['aws-of-ours', 'lifeboat:environment', 'team']);
  });

  it('restore a copy for a while without backups, and an instance for people with those that it had', async () => {
    fault = DENIED;
    const what = { id: 'a', snapshotId: 's', tags: {} };
    await expect(new RdsInstances().restore({ ...what, dbSubnetGroup: 'isolated', securityGroupIds: ['sg-1'] })).rejects.toThrow();
    expect(Object.fromEntries(sent)).toMatchObject({ BackupRetentionPeriod: '0', DBSubnetGroupName: 'isolated', MultiAZ: 'false' });
    await expect(new RdsInstances().restoreLike({ BackupRetentionPeriod: 7 }, what)).rejects.toThrow();
    expect(sent.get('DBSnapshotIdentifier')).toBe('s');
    expect(sent.has('BackupRetentionPeriod')).toBe(false);
  });

  it.each(['InstanceQuotaExceeded', 'StorageQuotaExceeded', 'InsufficientDBInstanceCapacity'])(
    'restore an instance, %s: waits for room',
    async (code) => {
      fault = { status: 400, code };
      const what = { id: 'a', snapshotId: 's', tags: {} };
      await expect(new RdsInstances().restoreLike(undefined, what)).rejects.toThrow(NotReady);
      await expect(
        new RdsInstances().restoreToMoment(undefined, { ...what, source: { id: 'b' }, moment: '2026-11-20T12:00:00Z' }),
      ).rejects.toThrow(NotReady);
    },
  );

  const whatComesOf = async (call: () => Promise<unknown>): Promise<unknown> => call().catch((error: unknown) => classify(error));

  for (const [name, call] of Object.entries(steps)) {
    it.each(Object.entries(PASSING))(`${name}, %s: passes, and is no result`, async (_, given) => {
      fault = given;
      expect(await whatComesOf(call)).toBeInstanceOf(Transient);
    });
    it(`${name}, denied: an error, and neither an empty list nor a success`, async () => {
      fault = DENIED;
      const result = await whatComesOf(call);
      expect(result).toBeInstanceOf(Error);
      expect(result).not.toBeInstanceOf(Transient);
    });
  }

  for (const [name, call] of Object.entries(answers)) {
    it.each(Object.entries(PASSING))(`${name}, %s: waits for the next try`, async (_, given) => {
      fault = given;
      expect(await call()).toMatchObject({ kind: 'wait' });
    });
    it(`${name}, denied: is refused, with the reason`, async () => {
      fault = DENIED;
      expect(await call()).toMatchObject({ kind: 'refused', because: expect.stringContaining('AccessDenied') });
    });
    it(`${name}, no room: waits`, async () => {
      fault = { status: 400, code: 'SnapshotQuotaExceeded' };
      expect(await call()).toMatchObject({ kind: 'wait' });
    });
  }
});
