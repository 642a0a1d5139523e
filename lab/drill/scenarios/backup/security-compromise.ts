import { DescribeTaskDefinitionCommand, ECSClient, RegisterTaskDefinitionCommand, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { GetSecretValueCommand, ListSecretsCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import pg from 'pg';
import type { Region } from '../../../types.ts';
import { approve } from '../../approve.ts';
import type { Drill } from '../../drill.ts';
import { lossWithin, nothingTaken, oneWriter, outageWithin, servedBy, wasInterrupted } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { asPerson } from '../../person.ts';
import { BackupView } from '../../recovery-points.ts';
import { takeProvenPoint } from '../../restores.ts';
import { query } from '../../rows.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const objectives = { rtoSeconds: 600, rpoSeconds: 3_600 };
const ASKED_WITHIN_MS = 240_000;
const RUN_WITHIN_MS = 360_000;
const INTRUDER = { role: 'night_shift', password: 'let-me-in-again' };

export const securityCompromise: Scenario = {
  name: 'security-compromise',
  title: 'An intruder had the database',
  story:
    'An intruder makes a login of his own, which is in the backups too, and overwrites orders. The newest proven recovery point of before is restored into an isolated ' +
    'network under a new key; every known password is new, no other login is left; what was compromised is held as evidence. A person gives the ' +
    'application its new password and approves. Neither the old passwords nor the intruder come in any more.',
  objectives,
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    const live = drill.at(drill.primary);
    const { workload } = drill.parts;
    const old = { master: workload.masterPassword, application: workload.applicationPassword };
    await query(live, `CREATE ROLE ${INTRUDER.role} LOGIN PASSWORD '${INTRUDER.password}'`);
    await takeProvenPoint(home);
    const before = new Date().toISOString();
    await drill.writes(100, { site: drill.primary, boundMs: 30_000 });
    await drill.fault('The intruder overwrites orders', () => query(live, 'UPDATE orders SET amount = 666'));
    const input = { workload: 'orders', placement: 'cleanRoom', target: { before }, reason: 'an intruder' };
    const arn = await home.start('restore', input);
    const incident = arn.split(':').at(-1)!;
    await waitForQuestion(drill, { home, view }, arn);
    const secret = await cleanSecret(drill);
    await drill.mend('A person gives the application its new password', async () => {
      for (const region of [drill.primary, drill.recovery]) await giveApplication(drill, region, secret.applicationPasswords.orders_app!);
    });
    Object.assign(workload, { masterPassword: secret.password, formerMasterPassword: old.master });
    drill.note('A person approves the cut-over');
    await approve(drill, drill.primary, incident);
    const { status, cause, output } = await home.ended(arn, RUN_WITHIN_MS);
    if (status !== 'SUCCEEDED') throw new Error(`the clean room is ${status}: ${cause}`);
    await drill.writes(250, { site: drill.primary, boundMs: 90_000 });
    drill.note(`cut over: ${JSON.stringify({ measured: output.measured, kept: output.kept })}`);
    await nobodyComesIn(drill, old);
    const [overwritten] = await query<{ n: number }>(
      live,
      'SELECT count(*)::int AS n FROM orders WHERE amount = 666 AND recorded_at < $1',
      [before],
    );
    if (overwritten!.n > 1) throw new Error(`${overwritten!.n} overwritten orders are back`);
    await evidenceIsHeld(drill, view);
    home.close();
  },
  promises: [
    wasInterrupted(),
    outageWithin(objectives.rtoSeconds),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    servedBy('primary'),
    nothingTaken(),
  ],
};

const waitForQuestion = async (drill: Drill, { home, view }: { home: Machines; view: BackupView }, arn: string): Promise<void> => {
  drill.parts.progress.phase('Until a person is asked');
  const deadline = Date.now() + ASKED_WITHIN_MS;
  while (!(await view.isAsked(arn.split(':').at(-1)!))) {
    const { status, cause } = await home.now(arn);
    if (status !== 'RUNNING') throw new Error(`nobody was asked: the run is ${status}: ${cause}`);
    if (Date.now() > deadline) throw new Error(`nobody was asked within ${ASKED_WITHIN_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  drill.note('A person is asked');
};

/** What the message to people names: the secret with the new passwords. */
const cleanSecret = async ({ lab, primary }: Drill): Promise<{ password: string; applicationPasswords: Record<string, string> }> => {
  const client = new SecretsManagerClient(asPerson(lab, primary));
  try {
    const { SecretList = [] } = await client.send(new ListSecretsCommand({}));
    const name = SecretList.find(({ Name }) => Name?.startsWith(`lifeboat-${ENVIRONMENT}-clean-`))?.Name;
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: name }));
    return JSON.parse(SecretString ?? 'null');
  } finally {
    client.destroy();
  }
};

/** A deployment with another password, as the application's owner makes it. */
const giveApplication = async ({ lab }: Drill, region: Region, password: string): Promise<void> => {
  const client = new ECSClient(asPerson(lab, region));
  try {
    const { taskDefinition } = await client.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'orders' }));
    const { family, networkMode, cpu, memory, containerDefinitions = [] } = taskDefinition!;
    const [container] = containerDefinitions;
    const environment = container!.environment?.map(({ name, value }) => ({
      name,
      value: name === 'DATABASE_PASSWORD' ? password : value,
    }));
    await client.send(
      new RegisterTaskDefinitionCommand({ family, networkMode, cpu, memory, containerDefinitions: [{ ...container!, environment }] }),
    );
    await client.send(new UpdateServiceCommand({ cluster: 'orders', service: 'orders', taskDefinition: 'orders' }));
  } finally {
    client.destroy();
  }
};

/** Neither with the intruder's login nor with a password of before. */
const nobodyComesIn = async (drill: Drill, old: { master: string; application: string }): Promise<void> => {
  const { network, site, workload } = drill.at(drill.primary);
  const port = await network.route(site.region, site.databaseHost, site.databasePort);
  const [{ user }] = (await query<{ user: string }>({ network, site, workload }, 'SELECT current_user AS user')) as [{ user: string }];
  const logins = [
    [INTRUDER.role, INTRUDER.password],
    [user, old.master],
    ['orders_app', old.application],
  ] as const;
  for (const [name, password] of logins) {
    const client = new pg.Client({ host: '127.0.0.1', port, user: name, password, database: 'orders', connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    const refusal = await client.connect().then(
      () => undefined,
      (error: Error & { code?: string }) => error.code,
    );
    await client.end().catch(() => {});
    if (!refusal?.startsWith('28')) throw new Error(`${name} still comes in with what it had before (${refusal ?? 'connected'})`);
  }
  drill.note(`${logins.length} logins of before are refused`);
};

const evidenceIsHeld = async (drill: Drill, view: BackupView): Promise<void> => {
  const snapshots = await view.snapshots(drill.primary);
  const held = snapshots.filter(({ TagList }) => TagList?.some(({ Key }) => Key === 'lifeboat:hold'));
  const all = await view.rds(drill.primary, async (client) => (await client.send(new DescribeDBInstancesCommand({}))).DBInstances ?? []);
  const kept = all.filter(({ TagList }) => TagList?.some(({ Key }) => Key === 'lifeboat:hold'));
  const present = await view.instance(drill.primary, drill.at(drill.primary).site.instance);
  if (held.length !== 1 || kept.length !== 1) throw new Error(`${held.length} snapshots and ${kept.length} instances are held as evidence`);
  if (!present?.StorageEncrypted || present.KmsKeyId === kept[0]?.KmsKeyId) throw new Error('the database is not under a key of its own');
  drill.note(`held: ${held[0]!.DBSnapshotIdentifier}, ${kept[0]!.DBInstanceIdentifier}; the database is under ${present.KmsKeyId}`);
};
