import { DisableRuleCommand, EventBridgeClient, ListRulesCommand, ListTargetsByRuleCommand, type Rule } from '@aws-sdk/client-eventbridge';
import {
  DeleteScheduleCommand,
  GetScheduleCommand,
  type GetScheduleCommandOutput,
  ListSchedulesCommand,
  SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import type { Region } from '../types.ts';
import { isLambda, type Schedule } from './schedule.ts';

const CALL_TIMEOUT_MS = 5_000;
const DAY_MS = 86_400_000;

/** What was taken from the engine, and the names of what was left to it: targets that are no functions, inputs that it transforms. */
export interface Taken {
  schedules: Schedule[];
  left: string[];
}

/** The schedules and rules that an engine keeps for one region. */
export class ScheduleStore {
  private readonly region: Region;
  private readonly scheduler: SchedulerClient;
  private readonly events: EventBridgeClient;

  constructor(region: Region, endpoint: string) {
    const credentials = { accessKeyId: 'scheduler-service', secretAccessKey: 'lab' };
    const requestHandler = { requestTimeout: CALL_TIMEOUT_MS, connectionTimeout: CALL_TIMEOUT_MS, throwOnRequestTimeout: true };
    const config = { region, endpoint, credentials, requestHandler };
    this.region = region;
    this.scheduler = new SchedulerClient(config);
    this.events = new EventBridgeClient(config);
  }

  /** Reads all that is enabled and starts functions, and disables it in the engine, which then keeps it but does not start it. */
  async take(): Promise<Taken> {
    const [schedules, rules] = await Promise.all([this.takeSchedules(), this.takeRules()]);
    return { schedules: [...schedules.schedules, ...rules.schedules], left: [...schedules.left, ...rules.left] };
  }

  async delete({ group, name }: Schedule): Promise<void> {
    await this.scheduler.send(new DeleteScheduleCommand({ GroupName: group, Name: name }));
  }

  stop(): void {
    this.scheduler.destroy();
    this.events.destroy();
  }

  private async takeSchedules(): Promise<Taken> {
    const taken: Taken = { schedules: [], left: [] };
    // The engine answers one page of any length.
    const { Schedules = [] } = await this.scheduler.send(new ListSchedulesCommand({ State: 'ENABLED', MaxResults: 1000 }));
    for (const { Name = '', GroupName } of Schedules) {
      const stored = await this.scheduler.send(new GetScheduleCommand({ Name, GroupName }));
      const schedule = isLambda(stored.Target?.Arn) ? scheduleOf(this.region, stored) : undefined;
      if (schedule) {
        await this.disable(stored);
        taken.schedules.push(schedule);
      } else {
        taken.left.push(Name);
      }
    }
    return taken;
  }

  private async disable(stored: GetScheduleCommandOutput): Promise<void> {
    const { $metadata: _, Arn: _arn, CreationDate: _created, LastModificationDate: _modified, ...rest } = stored;
    const { Name, ScheduleExpression, Target, FlexibleTimeWindow } = rest;
    await this.scheduler.send(
      new UpdateScheduleCommand({ ...rest, Name, ScheduleExpression, Target, FlexibleTimeWindow, State: 'DISABLED' }),
    );
  }

  private async takeRules(): Promise<Taken> {
    const taken: Taken = { schedules: [], left: [] };
    let NextToken: string | undefined;
    do {
      const page = await this.events.send(new ListRulesCommand({ NextToken }));
      NextToken = page.NextToken;
      for (const rule of page.Rules ?? []) {
        if (!rule.ScheduleExpression || rule.State !== 'ENABLED') continue;
        const schedule = await this.takeRule(rule);
        if (schedule) taken.schedules.push(schedule);
        else taken.left.push(rule.Name ?? '');
      }
    } while (NextToken);
    return taken;
  }

  private async takeRule(rule: Rule): Promise<Schedule | undefined> {
    const { Targets = [] } = await this.events.send(new ListTargetsByRuleCommand({ Rule: rule.Name }));
    if (Targets.some((target) => !isLambda(target.Arn) || target.InputPath || target.InputTransformer)) return undefined;
    await this.events.send(new DisableRuleCommand({ Name: rule.Name }));
    const { Arn: arn = '', Name: name = '', ScheduleExpression: expression = '' } = rule;
    const targets = Targets.map(({ Arn = '', Input, RetryPolicy, DeadLetterConfig }) =>
      targetOf(Arn, Input, RetryPolicy, DeadLetterConfig),
    );
    return {
      source: 'aws.events',
      region: this.region,
      arn,
      name,
      group: 'default',
      expression,
      windowMs: 0,
      deleteAfterCompletion: false,
      targets,
    };
  }
}

function scheduleOf(region: Region, stored: GetScheduleCommandOutput): Schedule {
  const { Arn = '', Input, RetryPolicy, DeadLetterConfig } = stored.Target ?? {};
  return {
    source: 'aws.scheduler',
    region,
    arn: stored.Arn ?? '',
    name: stored.Name ?? '',
    group: stored.GroupName ?? 'default',
    expression: stored.ScheduleExpression ?? '',
    timezone: stored.ScheduleExpressionTimezone,
    startsAt: stored.StartDate?.getTime(),
    endsAt: stored.EndDate?.getTime(),
    windowMs: (stored.FlexibleTimeWindow?.Mode === 'FLEXIBLE' ? (stored.FlexibleTimeWindow.MaximumWindowInMinutes ?? 0) : 0) * 60_000,
    deleteAfterCompletion: stored.ActionAfterCompletion === 'DELETE',
    targets: [targetOf(Arn, Input, RetryPolicy, DeadLetterConfig)],
  };
}

function targetOf(
  arn: string,
  input: string | undefined,
  retry: { MaximumRetryAttempts?: number; MaximumEventAgeInSeconds?: number } = {},
  deadLetter: { Arn?: string } = {},
): Schedule['targets'][number] {
  const maxAgeMs = retry.MaximumEventAgeInSeconds === undefined ? DAY_MS : retry.MaximumEventAgeInSeconds * 1000;
  return { arn, input, maxRetries: retry.MaximumRetryAttempts ?? 185, maxAgeMs, deadLetterArn: deadLetter.Arn };
}
