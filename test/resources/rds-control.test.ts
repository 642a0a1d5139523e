import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DBInstance, RdsControl } from '../../lambdas/resources/rds-control.ts';
import { startFakeAws } from './fake-aws.ts';

const SOURCE = 'arn:aws:rds:us-west-2:000000000000:db:orders-replica';

describe('a replica in the place of an instance', () => {
  let aws: { close: () => void };
  let asked: (string | null)[] = [];
  let sent = new URLSearchParams();
  let refuses = (_key: string | null): string | undefined => undefined;

  beforeAll(async () => {
    aws = await startFakeAws('us-east-1', (body, response) => {
      sent = new URLSearchParams(body);
      const key = sent.get('KmsKeyId');
      asked.push(key);
      const code = refuses(key);
      const error = `<ErrorResponse><Error><Code>${code}</Code><Message>m</Message></Error></ErrorResponse>`;
      const made = '<CreateDBInstanceReadReplicaResponse><CreateDBInstanceReadReplicaResult/></CreateDBInstanceReadReplicaResponse>';
      response.writeHead(code ? 400 : 200, { 'content-type': 'text/xml' }).end(code ? error : made);
    });
  });
  afterAll(() => aws.close());
  beforeEach(() => {
    asked = [];
    refuses = () => undefined;
  });

  const create = (like?: DBInstance) => new RdsControl('orders-primary', 'us-east-1').createReplica(SOURCE, like, 'alias/lifeboat-demo');

  it('lies under its key', async () => {
    await create({ KmsKeyId: 'arn:aws:kms:us-east-1:000000000000:key/own' });
    expect(asked).toEqual(['arn:aws:kms:us-east-1:000000000000:key/own']);
  });

  it('gets what a replica can be told from the start, and its own tags; no parameter group, which RDS refuses', async () => {
    await create({
      KmsKeyId: 'own',
      DBInstanceClass: 'db.r6g.large',
      IAMDatabaseAuthenticationEnabled: true,
      StorageType: 'io2',
      Iops: 3_000,
      DBParameterGroups: [{ DBParameterGroupName: 'tuned' }],
      TagList: [
        { Key: 'team', Value: 'orders' },
        { Key: 'aws:cloudformation:stack-name', Value: 'orders' },
        { Key: 'lifeboat:run', Value: 'run-1' },
      ],
    });
    expect(Object.fromEntries(sent)).toMatchObject({
      DBInstanceClass: 'db.r6g.large',
      EnableIAMDatabaseAuthentication: 'true',
      StorageType: 'io2',
      Iops: '3000',
      'Tags.Tag.1.Key': 'team',
    });
    expect([...sent.keys()].filter((key) => /ParameterGroup|OptionGroup|Tag\.2/.test(key))).toEqual([]);
  });

  it("that is gone lies under Lifeboat's key only where RDS asks for one: the source is encrypted", async () => {
    await create();
    expect(asked).toEqual([null]);
    asked = [];
    refuses = (key) => (key ? undefined : 'InvalidParameterCombination');
    await create();
    expect(asked).toEqual([null, 'alias/lifeboat-demo']);
  });

  it('is asked for no second time where another key is no help', async () => {
    refuses = () => 'InvalidParameterCombination';
    await expect(create({ KmsKeyId: 'own' })).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
    refuses = () => 'DBInstanceAlreadyExists';
    await expect(create()).rejects.toMatchObject({ name: 'DBInstanceAlreadyExistsFault' });
    expect(asked).toEqual(['own', null]);
  });
});
