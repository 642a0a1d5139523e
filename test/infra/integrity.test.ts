import { describe, expect, it } from 'vitest';
import demoBackup from '../../environments/demo-backup.ts';
import type { Environment } from '../../environments/schema.ts';
import { distinctSchedules } from '../../infra/integrity.ts';
import { rightsOf } from './iam.ts';
import { only, synthesise, type WorkloadKind } from './synth.ts';

const prefix = 'lifeboat-demo-backup';

describe('a site that watches the integrity of its databases', () => {
  const stacks = synthesise(demoBackup);
  const sites = Object.entries({ primary: stacks.primary, recovery: stacks.recovery });

  it.each(sites)('%s: starts a round by the expression and time zone of the environment', (_, template) => {
    const schedule = only(template, 'AWS::Scheduler::Schedule', { Name: `${prefix}-integrity-rate-1-minute-UTC` });
    expect(schedule).toMatchObject({ ScheduleExpression: 'rate(1 minute)', ScheduleExpressionTimezone: 'UTC' });
    expect(JSON.parse((schedule.Target as { Input: string }).Input)).toEqual({ schedule: 'rate(1 minute)', timeZone: 'UTC' });
  });

  it.each(sites)('%s: a failure is an alarm at once, silence is one of its own', (site) => {
    const template = stacks[`${site}-orders` as WorkloadKind];
    const alarm = (suffix: string) => only(template, 'AWS::CloudWatch::Alarm', { AlarmName: `${prefix}-orders-integrity-${suffix}` });
    expect(alarm('failed')).toMatchObject({ MetricName: 'IntegrityFailed', EvaluationPeriods: 1, TreatMissingData: 'notBreaching' });
    expect(alarm('overdue')).toMatchObject({ MetricName: 'IntegrityOverdue', EvaluationPeriods: 3, TreatMissingData: 'breaching' });
  });

  it.each(sites)('%s: may change nothing but its own part of the ledger', (_, template) => {
    for (const step of ['check-integrity', 'watch-integrity']) {
      const rights = rightsOf(template, `${prefix}-${step}`).filter((right) => !/ on arn:aws:logs|xray|sqs:SendMessage/.test(right));
      const changing = rights.filter(
        (right) => !/^(never )?\S+:(Describe|Get|List|Query|Decrypt|GenerateDataKey|Publish|PutMetricData)/.test(right),
      );
      expect(changing.filter((right) => !right.includes('integrity#*'))).toEqual([]);
    }
  });
});

describe('schedules of several policies', () => {
  it('are one for each expression and time zone', () => {
    const [workload] = demoBackup.workloads;
    const [database] = workload!.databases;
    const nightly = { ...database!.integrity!, schedule: 'cron(0 3 * * ? *)', timeZone: 'Europe/Berlin' };
    const databases = [database!, { ...database!, integrity: nightly }, { ...database! }, { ...database!, integrity: undefined }];
    const environment: Environment = { ...demoBackup, workloads: [{ ...workload!, databases }] };
    expect(distinctSchedules(environment).map(({ schedule, timeZone }) => [schedule, timeZone])).toEqual([
      ['rate(1 minute)', 'UTC'],
      ['cron(0 3 * * ? *)', 'Europe/Berlin'],
    ]);
  });
});
