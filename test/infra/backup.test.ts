import { describe, expect, it } from 'vitest';
import demoCopies from '../../environments/demo-copies.ts';
import type { Environment } from '../../environments/schema.ts';
import { VaultStack } from '../../infra/vault-stack.ts';
import { rightsOf, statementsByRole } from './iam.ts';
import { ofType, only, synthesise, synthesiseStack, type WorkloadKind } from './synth.ts';

const stacks = synthesise(demoCopies);
const sites = Object.entries({ primary: stacks.primary, recovery: stacks.recovery });
const prefix = 'lifeboat-demo-copies';
const tagged = { StringEquals: { 'aws:ResourceTag/lifeboat:environment': 'demo-copies' } };
const notAnothers = { StringEqualsIfExists: { 'aws:ResourceTag/lifeboat:environment': 'demo-copies' } };

/** Every `*` in a right of the steps of backup and verification, and why it cannot be narrower. */
const wildcards: Record<string, string> = {
  'rds:DescribeAccountAttributes *': "reads the account's own limits, and knows no resources",
  'rds:DescribeDBInstances db:*': 'a list is a right on all of them, and 300 databases are three calls',
  'rds:DescribeDBInstanceAutomatedBackups db:*': 'a list is a right on all of them',
  'rds:DescribeDBInstanceAutomatedBackups auto-backup:*': 'a list is a right on all of them',
  'rds:DescribeDBSnapshots db:*': 'a list is a right on all of them',
  'rds:DescribeDBSnapshots snapshot:*': 'a list is a right on all of them',
  'rds:CreateDBSnapshot snapshot:<prefix>-*': 'a snapshot is named when it is taken',
  'rds:CopyDBSnapshot snapshot:<prefix>-*': 'a snapshot is named when it is taken',
  'rds:DeleteDBSnapshot snapshot:<prefix>-*': 'a snapshot is named when it is taken; a condition asks for our tag too',
  'rds:ModifyDBSnapshotAttribute snapshot:<prefix>-*': 'a snapshot is named when it is taken',
  'rds:AddTagsToResource snapshot:<prefix>-*': 'a snapshot is named when it is taken',
  'rds:RestoreDBInstanceFromDBSnapshot snapshot:<prefix>-*': 'a snapshot is named when it is taken',
  'rds:RestoreDBInstanceFromDBSnapshot db:<prefix>-verify-*': 'a copy is named by its run',
  'rds:RestoreDBInstanceFromDBSnapshot og:*': 'RDS chooses the group and checks the right on it',
  'rds:RestoreDBInstanceFromDBSnapshot pg:*': 'RDS chooses the group and checks the right on it',
  'rds:AddTagsToResource db:<prefix>-verify-*': 'a copy is named by its run',
  'rds:AddTagsToResource og:*': 'in one statement with the restore, whose tags it is for',
  'rds:AddTagsToResource pg:*': 'in one statement with the restore, whose tags it is for',
  'rds:RestoreDBInstanceFromDBSnapshot db:<prefix>-restored-*': 'what is restored is named by its run',
  'rds:RestoreDBInstanceFromDBSnapshot subgrp:*': "the groups are those of the site's own instance",
  'rds:RestoreDBInstanceToPointInTime auto-backup:*': 'RDS itself names what it brings from the other site',
  'rds:AddTagsToResource auto-backup:*': 'in one statement with the restore, whose tags it is for',
  'rds:RestoreDBInstanceToPointInTime db:<prefix>-restored-*': 'what is restored is named by its run',
  'rds:RestoreDBInstanceToPointInTime og:*': "the groups are those of the site's own instance",
  'rds:RestoreDBInstanceToPointInTime pg:*': "the groups are those of the site's own instance",
  'rds:RestoreDBInstanceToPointInTime subgrp:*': "the groups are those of the site's own instance",
  'rds:ModifyDBInstance db:<prefix>-restored-*': 'what is restored is named by its run',
  'rds:ModifyDBInstance og:*': "the groups are those of the site's own instance",
  'rds:ModifyDBInstance pg:*': "the groups are those of the site's own instance",
  'rds:ModifyDBInstance subgrp:*': "the groups are those of the site's own instance",
  'rds:ModifyDBInstance db:<instance>-old-*': 'the new name ends with what the restore is called',
  'rds:AddTagsToResource db:<instance>-old-*': 'the new name ends with what the restore is called',
  'rds:DeleteDBInstance db:<instance>-old-*': 'the new name ends with what the restore is called; a condition asks for our tag too',
  'rds:DeleteDBSnapshot snapshot:<prefix>-before-*': 'a snapshot is named by its restore; a condition asks for our tag too',
  'iam:PassRole role/*': "the role of the old instance's monitoring; held to that use by a condition",
  'rds:AddTagsToResource db:<prefix>-restored-*': 'what is restored is named by its run',
  'rds:AddTagsToResource subgrp:*': 'in one statement with the restore, whose tags it is for',
  'rds:DeleteDBInstance db:<prefix>-verify-*': 'a copy is named by its run',
  'kms:* *': 'a key that is to be made has no ARN; a condition asks for our tag on it',
  'secretsmanager:* secret:<prefix>-clean-*': 'a clean room is named by its run',
  'kms:* key/*': 'what RDS does with keys of the owner; held to RDS by a condition',
};

describe('a site with backups', () => {
  it.each(sites)('%s: schedules each tier once, for when it was due, and each start has a dead-letter queue', (_, template) => {
    const schedules = ofType(template, 'AWS::Scheduler::Schedule').map(([, { Properties }]) => Properties);
    const expressions = schedules.map(({ Name, ScheduleExpression }) => [String(Name).replace(`${prefix}-`, ''), ScheduleExpression]);
    expect(Object.fromEntries(expressions)).toMatchObject({
      'backup-six-hourly-0315-UTC': 'cron(15 3,9,15,21 * * ? *)',
      'backup-daily-0215-UTC': 'cron(15 2 * * ? *)',
      'backup-weekly-0115-UTC': 'cron(15 1 ? * SUN *)',
      'verify-daily-0500-UTC': 'cron(0 5 * * ? *)',
      'verify-weekly-0600-UTC': 'cron(0 6 ? * SUN *)',
      'verify-monthly-0700-UTC': 'cron(0 7 1 * ? *)',
    });
    expect(schedules.map(({ ScheduleExpression }) => ScheduleExpression)).toContain('rate(5 minutes)');
    for (const { Target } of schedules) expect(Target).toMatchObject({ DeadLetterConfig: { Arn: expect.anything() } });
    const [daily] = schedules.filter(({ Name }) => Name === `${prefix}-backup-daily-0215-UTC`);
    expect(JSON.parse((daily!.Target as { Input: string }).Input)).toEqual({
      tier: 'daily',
      at: '02:15',
      timeZone: 'UTC',
      dueAt: '<aws.scheduler.scheduled-time>',
    });
  });

  it.each(sites)('%s: the machines have no placeholder left', (_, template) => {
    for (const name of ['backup', 'verify-backup', 'restore']) {
      const machine = only(template, 'AWS::StepFunctions::StateMachine', { StateMachineName: `${prefix}-${name}` });
      expect(JSON.stringify(machine.DefinitionString)).not.toMatch(/\$\{\w+\}/);
    }
  });

  it.each(sites)('%s: looks into copies from the isolated network, and from nowhere else', (_, template) => {
    const attached = ofType(template, 'AWS::Lambda::Function').filter(([, { Properties }]) => Properties.VpcConfig);
    expect(attached.map(([, { Properties }]) => String(Properties.FunctionName).replace(`${prefix}-`, '')).sort()).toEqual([
      'inspect-clean',
      'inspect-copy',
      'renew-credentials',
    ]);
    for (const [, { Properties }] of attached)
      expect(Properties.VpcConfig).toEqual({ SubnetIds: ['subnet-0150a7ed'], SecurityGroupIds: ['sg-0150a7e1'] });
  });

  it.each(sites)('%s: silence of the watch is an alarm', (site, template) => {
    const ofWorkload = stacks[`${site}-orders` as WorkloadKind];
    for (const [name, metric] of Object.entries({
      'backup-late': 'BackupLate',
      'backup-copy-late': 'BackupCopyLate',
      'backup-unverified': 'BackupUnverified',
      'proof-daily-overdue': 'DailyProofOverdue',
      'proof-weekly-overdue': 'WeeklyProofOverdue',
      'proof-monthly-overdue': 'MonthlyProofOverdue',
      'backup-size': 'BackupSizeDeviation',
    })) {
      const alarm = only(ofWorkload, 'AWS::CloudWatch::Alarm', { AlarmName: `${prefix}-orders-${name}` });
      expect(alarm).toMatchObject({ MetricName: metric, TreatMissingData: 'breaching', EvaluationPeriods: 3, Statistic: 'Maximum' });
    }
    for (const [name, metric, periods] of [
      ['snapshot-quota', 'SnapshotQuotaUsed', 3],
      ['copy-quota', 'CopyQuotaUsed', 60],
    ] as const) {
      const alarm = only(template, 'AWS::CloudWatch::Alarm', { AlarmName: `${prefix}-${name}` });
      expect(alarm).toMatchObject({ MetricName: metric, TreatMissingData: 'breaching', EvaluationPeriods: periods });
    }
  });
});

describe('the rights of backup and verification', () => {
  const general = (resource: string): string =>
    resource
      .replace(/^arn:aws:(rds|kms|iam|secretsmanager):(us-(east|west)-\d)?:000000000000:/, '')
      .replace(/orders-(primary|replica)/, '<instance>')
      .replace(prefix, '<prefix>');

  it('hold a wildcard only where this list says why', () => {
    const found = new Set<string>();
    for (const [, template] of sites) {
      for (const step of [
        'take-manifests',
        'take-snapshots',
        'copy-snapshots',
        'record-recovery-points',
        'copy-to-account',
        'prune-recovery-points',
        'watch-backups',
        'restore-copy',
        'inspect-copy',
        'remove-copy',
        'sweep-copies',
        'snapshot-current',
        'restore-database',
        'put-settings-back',
        'copy-under-clean-key',
        'renew-credentials',
        'inspect-clean',
        'admit-clean',
        'inspect-restored',
        'set-old-aside',
        'put-in-place',
        'sweep-restores',
      ]) {
        for (const right of rightsOf(template, `${prefix}-${step}`)) {
          const [, action, resource] = /^(?:never )?(\S+) on (\S+)/.exec(right)!;
          if (/^(rds|kms|iam|secretsmanager):/.test(action!) && resource!.includes('*'))
            found.add(`${action!.replace(/^(kms|secretsmanager):.*/, '$1:*')} ${general(resource!)}`);
        }
      }
    }
    expect([...found].sort()).toEqual(Object.keys(wildcards).sort());
  });

  it('to delete are held by janitors and by who removes what it made: restored copies, and, with our tag, what is out of date or was replaced', () => {
    for (const [, template] of sites) {
      const statements = [...statementsByRole(template).values()].flat();
      const snapshots = statements.filter(({ Action }) => Action.includes('rds:DeleteDBSnapshot'));
      expect(snapshots.map(({ Condition }) => Condition)).toEqual([tagged, tagged]);
      const instances = statements.filter(({ Action }) => Action.includes('rds:DeleteDBInstance'));
      const [copies, replaced] = [/:db:lifeboat-demo-copies-verify-\*$/, /:db:orders-(primary|replica)-old-\*$/].map((names) =>
        instances.filter(({ Resource }) => Resource.every((arn) => names.test(arn))),
      );
      expect([copies!.length, replaced!.length, instances.length]).toEqual([2, 1, 3]);
      expect(replaced![0]!.Condition).toEqual(tagged);
      expect(copies!.map(({ Condition }) => Condition)).toEqual([notAnothers, notAnothers]);
    }
  });

  it('on snapshots, but to list them, stop at the tag of an environment whose name begins like this one', () => {
    for (const [, template] of sites) {
      const statements = [...statementsByRole(template).values()]
        .flat()
        .filter(({ Resource }) => Resource.some((arn) => arn.includes(`:snapshot:${prefix}-`)));
      expect(statements.length).toBeGreaterThan(5);
      for (const { Action, Condition } of statements) {
        const isBound = Action.some((action) => /:(Delete|ModifyDBSnapshotAttribute)/.test(action));
        expect(Condition, Action.join()).toEqual(isBound ? tagged : notAnothers);
      }
    }
  });

  it('to make a key ask for our tag on it, and for no tag of others', () => {
    const made = rightsOf(stacks.primary, `${prefix}-copy-under-clean-key`).filter((right) => /^kms:(CreateKey|TagResource) /.test(right));
    expect(made).toHaveLength(2);
    for (const right of made) expect(right).toContain('"ForAllValues:StringLike":{"aws:TagKeys":["lifeboat:*"]}');
  });

  it('never reach the lease', () => {
    for (const step of ['take-snapshots', 'record-recovery-points', 'prune-recovery-points', 'record-verification', 'watch-backups']) {
      expect(rightsOf(stacks.primary, `${prefix}-${step}`).filter((right) => right.includes('lease#*'))).toEqual([]);
    }
  });
});

describe('replicated automated backups', () => {
  const replicated = { retentionDays: 7, alarmAfterMinutes: 30 };
  const databasesOf = ({ databases }: Environment['workloads'][number]) =>
    databases.map((each) => ({ ...each, backup: { ...each.backup!, replicatedAutomatedBackups: replicated } }));
  const workloads = demoCopies.workloads.map((each) => ({ ...each, databases: databasesOf(each) }));
  const { recovery, 'recovery-orders': ofWorkload } = synthesise({ ...demoCopies, workloads });

  it('are asked for by one step, of the other site, which stops and deletes nothing', () => {
    const rights = rightsOf(recovery, `${prefix}-reconcile-replication`);
    expect(rights.filter((right) => right.startsWith('rds:'))).toEqual([
      'rds:DescribeDBInstanceAutomatedBackups on arn:aws:rds:us-west-2:000000000000:db:*',
      'rds:DescribeDBInstanceAutomatedBackups on arn:aws:rds:us-west-2:000000000000:auto-backup:*',
      'rds:StartDBInstanceAutomatedBackupsReplication on arn:aws:rds:us-east-1:000000000000:db:orders-primary',
      'rds:StartDBInstanceAutomatedBackupsReplication on arn:aws:rds:us-west-2:000000000000:auto-backup:*',
      'rds:StartDBInstanceAutomatedBackupsReplication on arn:aws:rds:us-east-1:000000000000:auto-backup:*',
    ]);
  });

  it('that lag, or that nobody watches, are an alarm', () => {
    expect(only(ofWorkload, 'AWS::CloudWatch::Alarm', { AlarmName: `${prefix}-orders-backup-replication-lag` })).toMatchObject({
      MetricName: 'BackupReplicationLag',
      Threshold: 1_800,
      TreatMissingData: 'breaching',
    });
  });

  it('cost nothing where no policy asks for them', () => {
    const databasesWithout = ({ databases }: Environment['workloads'][number]) =>
      databases.map((each) => ({ ...each, backup: { ...each.backup!, replicatedAutomatedBackups: undefined } }));
    const without = demoCopies.workloads.map((each) => ({ ...each, databases: databasesWithout(each) }));
    const plain = synthesise({ ...demoCopies, workloads: without }).recovery;
    const names = ofType(plain, 'AWS::Lambda::Function').map(([, { Properties }]) => Properties.FunctionName);
    expect(names).not.toContain(`${prefix}-reconcile-replication`);
    for (const step of ['read-restore-request', 'restore-database'])
      expect(rightsOf(plain, `${prefix}-${step}`).filter((right) => /AutomatedBackups|auto-backup/.test(right))).toEqual([]);
  });
});

describe('a vault', () => {
  const account = '999999999999';
  const withVault: Environment = { ...demoCopies, vault: { account } };
  const { primary } = synthesise(withVault);
  const role = `arn:aws:iam::${account}:role/${prefix}-vault`;

  it('is reached by one step, whose name it trusts, and which may share what Lifeboat made', () => {
    expect(only(primary, 'AWS::IAM::Role', { RoleName: `${prefix}-copy-to-account-us-east-1` })).toBeDefined();
    const takers = ofType(primary, 'AWS::Lambda::Function')
      .map(([, { Properties }]) => String(Properties.FunctionName))
      .filter((name) => rightsOf(primary, name).some((right) => /sts:AssumeRole|ModifyDBSnapshotAttribute/.test(right)));
    expect(takers).toEqual([`${prefix}-copy-to-account`]);
    const rights = rightsOf(primary, `${prefix}-copy-to-account`);
    expect(rights).toContain(`sts:AssumeRole on ${role}`);
    const shared = `arn:aws:rds:us-west-2:000000000000:snapshot:${prefix}-*`;
    expect(rights).toContain(`rds:ModifyDBSnapshotAttribute on ${shared} ${JSON.stringify(tagged)}`);
    expect(rights.filter((right) => right.includes('Modify'))).toHaveLength(1);
    const { primary: without } = synthesise({ ...demoCopies, vault: undefined });
    expect(rightsOf(without, `${prefix}-copy-to-account`).filter((right) => /sts|Modify/.test(right))).toEqual([]);
  });

  it("is let read by the site's key, through RDS, as that one role", () => {
    type Statement = { Sid?: string; Action: string | string[]; Condition: object };
    const policies = ofType(primary, 'AWS::KMS::Key').map(([, { Properties }]) => Properties.KeyPolicy as { Statement: Statement[] });
    const { Statement } = policies.find((policy) => JSON.stringify(policy).includes('Vault'))!;
    const own = Statement.filter(({ Sid }) => Sid?.startsWith('Vault'));
    expect(own.map(({ Sid }) => Sid)).toEqual(['VaultReads', 'VaultGrants']);
    for (const { Action, Condition } of own) {
      expect(Condition).toMatchObject({
        ArnEquals: { 'aws:PrincipalArn': role },
        StringEquals: { 'kms:ViaService': 'rds.us-east-1.amazonaws.com' },
      });
      expect([Action].flat().filter((action) => /\*|Delete|Disable|Put|Schedule/.test(action))).toEqual([]);
    }
  });

  it('has a stack of its own in the other account, whose role deletes, changes and shares nothing', () => {
    const env = { account, region: 'us-east-1' };
    const template = synthesiseStack((app) => new VaultStack(app, 'vault', { environment: withVault, site: 'primary', env }));
    const trust = only(template, 'AWS::IAM::Role', { RoleName: `${prefix}-vault` }).AssumeRolePolicyDocument as {
      Statement: { Condition: object }[];
    };
    expect(trust.Statement).toHaveLength(1);
    expect(trust.Statement[0]!.Condition).toEqual({
      StringEquals: { 'sts:ExternalId': `${prefix}-vault` },
      ArnEquals: {
        'aws:PrincipalArn': ['us-east-1', 'us-west-2'].map(
          (region) => `arn:aws:iam::000000000000:role/${prefix}-copy-to-account-${region}`,
        ),
      },
    });
    const actions = [...statementsByRole(template).values()].flat().flatMap(({ Action }) => Action);
    expect([...new Set(actions.filter((action) => action.startsWith('rds:')))].sort()).toEqual([
      'rds:AddTagsToResource',
      'rds:CopyDBSnapshot',
      'rds:DescribeDBSnapshots',
    ]);
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
    type Statement = { Sid?: string; Action: string | string[]; Condition: object };
    const { Statement: keyPolicy } = only(template, 'AWS::KMS::Key', {}).KeyPolicy as { Statement: Statement[] };
    const back = keyPolicy.filter(({ Sid }) => Sid?.startsWith('Source'));
    expect(back.map(({ Sid }) => Sid)).toEqual(['SourceReadsBack', 'SourceGrantsBack']);
    for (const { Action, Condition } of back) {
      expect(Condition).toMatchObject({ StringEquals: { 'kms:ViaService': 'rds.us-east-1.amazonaws.com' } });
      expect([Action].flat().filter((action) => /\*|Encrypt$|Delete|Disable|Put|Schedule/.test(action))).toEqual([]);
    }
    expect(only(template, 'AWS::KMS::Alias', {}).AliasName).toBe(`alias/${prefix}-vault`);
    const other = synthesiseStack((app) => new VaultStack(app, 'vault', { environment: withVault, site: 'recovery', env }));
    expect(ofType(other, 'AWS::IAM::Role')).toEqual([]);
  });
});
