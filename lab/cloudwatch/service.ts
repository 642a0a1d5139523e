import * as sdk from '@aws-sdk/client-cloudwatch';
import type { AwsCall, AwsService, Region, Stoppable } from '../types.ts';
import type { World } from '../world.ts';
import { act, type Deliveries, withDeadline } from './actions.ts';
import type { Transition } from './alarm-event.ts';
import { Alarms } from './alarms.ts';
import { type Handler, jsonRpcService } from './json-rpc.ts';
import { metricHandlers } from './metric-handlers.ts';
import { MetricStore } from './metrics.ts';

export interface CloudWatchOptions extends Deliveries {
  world: Pick<World, 'regions' | 'isDark'>;
  /** The alarms of a region as they are configured, from the store into which CloudFormation put them. */
  alarms: (region: Region) => Promise<sdk.MetricAlarm[]>;
  /** The service of that store: PutMetricAlarm, DeleteAlarms and other calls that are not about metrics or states go there. */
  forward?: AwsService;
  accountId?: string;
  /** Epoch milliseconds; the wall clock unless driven. */
  now?: () => number;
  /** How often alarms with a period under a minute are evaluated. */
  highResolutionMs?: number;
  /** How often the others are. */
  standardMs?: number;
  /** Told of what went wrong in the background: alarms that could not be read, actions that could not be done. */
  report?: (problem: string) => void;
}

interface RegionState {
  metrics: MetricStore;
  alarms: Alarms;
  evaluating: boolean;
}

const PAGE = 100;

/** CloudWatch: metrics, and alarms that are evaluated by the clock and act when their state changes. */
export class CloudWatchService implements Stoppable {
  readonly handle: AwsService;
  private readonly options: Required<Omit<CloudWatchOptions, 'forward' | 'putEvent'>> & CloudWatchOptions;
  private readonly regions = new Map<Region, RegionState>();
  private readonly stopping = new AbortController();
  private readonly underWay = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(options: CloudWatchOptions) {
    const defaults = { accountId: '000000000000', now: Date.now, highResolutionMs: 10_000, standardMs: 60_000, report: () => {} };
    this.options = { ...defaults, ...options };
    const handlers = this.handlers();
    const own = jsonRpcService({ sdk, namespace: 'com.amazonaws.cloudwatch', handlers });
    const { forward = own } = options;
    this.handle = (call) => (Object.hasOwn(handlers, call.action) ? own(call) : forward(call));
  }

  /** Evaluates from now on by itself. With a driven clock call `evaluate` instead. */
  start(): void {
    this.timer = setInterval(() => void this.evaluate(), this.options.highResolutionMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.stopping.abort(new Error('CloudWatch has stopped'));
    await Promise.allSettled(this.underWay);
  }

  /** Evaluate every alarm that is due, in every region that is not dark. Ends when the states are known; actions go on. */
  async evaluate(): Promise<void> {
    await Promise.all(this.options.world.regions.map((region) => this.track(this.evaluateRegion(region))));
  }

  private async evaluateRegion(region: Region): Promise<void> {
    const state = this.region(region);
    if (state.evaluating || this.options.world.isDark(region)) return;
    state.evaluating = true;
    try {
      const alarms = await withDeadline(this.options.alarms(region), this.stopping.signal);
      if (this.options.world.isDark(region)) return;
      // Timers are late by a little each time: what is nearly due is due.
      state.alarms.evaluate(alarms, this.options.now(), this.options.standardMs - this.options.highResolutionMs / 2);
    } catch (error) {
      if (!this.stopping.signal.aborted) this.options.report(`The alarms of ${region} were not evaluated: ${(error as Error).message}`);
    } finally {
      state.evaluating = false;
    }
  }

  private region(region: Region): RegionState {
    let state = this.regions.get(region);
    if (state === undefined) {
      const metrics = new MetricStore();
      const { accountId } = this.options;
      const alarms = new Alarms(metrics, (alarm, previous, current) => this.changed({ region, accountId, alarm, previous, current }));
      state = { metrics, alarms, evaluating: false };
      this.regions.set(region, state);
    }
    return state;
  }

  private changed(transition: Transition): void {
    const { alarm, region, current } = transition;
    const acted = act(this.options, transition, this.stopping.signal, (target, error) => {
      const outcome = error === undefined ? `Successfully executed action ${target}` : `Failed to execute action ${target}`;
      const data = { actionState: error === undefined ? 'Succeeded' : 'Failed', stateUpdateTimestamp: current.at, error: error?.message };
      this.region(region).alarms.record(alarm, new Date(this.options.now()), 'Action', outcome, data);
      if (error !== undefined) this.options.report(`Alarm ${alarm.AlarmName} in ${region}: ${outcome}: ${error.message}`);
    });
    void this.track(acted);
  }

  private track(work: Promise<void>): Promise<void> {
    this.underWay.add(work);
    return work.finally(() => this.underWay.delete(work));
  }

  private handlers(): Record<string, Handler> {
    return {
      ...metricHandlers((region) => this.region(region).metrics, this.options.now),
      DescribeAlarms: async (input: sdk.DescribeAlarmsInput, { region }: AwsCall): Promise<sdk.DescribeAlarmsOutput> => {
        const all = (await this.options.alarms(region)).map((alarm) => this.region(region).alarms.withState(alarm, this.options.now()));
        const found = all.filter((alarm) => matches(alarm, input));
        const start = Number(input.NextToken ?? 0);
        const end = start + (input.MaxRecords ?? PAGE);
        return { MetricAlarms: found.slice(start, end), CompositeAlarms: [], NextToken: end < found.length ? String(end) : undefined };
      },
      DescribeAlarmHistory: (input: sdk.DescribeAlarmHistoryInput, { region }: AwsCall): sdk.DescribeAlarmHistoryOutput => {
        const items = this.region(region).alarms.history.filter((item) => matchesHistory(item, input));
        if (input.ScanBy === 'TimestampAscending') items.reverse();
        return { AlarmHistoryItems: items.slice(0, input.MaxRecords ?? PAGE) };
      },
      SetAlarmState: async (input: sdk.SetAlarmStateInput, { region }: AwsCall): Promise<void> => {
        const alarm = (await this.options.alarms(region)).find(({ AlarmName }) => AlarmName === input.AlarmName);
        if (alarm === undefined) throw new sdk.ResourceNotFound({ message: `Unknown alarm ${input.AlarmName}`, $metadata: {} });
        this.region(region).alarms.set(alarm, input.StateValue!, input.StateReason!, input.StateReasonData, this.options.now());
      },
    };
  }
}

function matches(alarm: sdk.MetricAlarm, input: sdk.DescribeAlarmsInput): boolean {
  const actions = [...(alarm.OKActions ?? []), ...(alarm.AlarmActions ?? []), ...(alarm.InsufficientDataActions ?? [])];
  return (
    (input.AlarmNames === undefined || input.AlarmNames.includes(alarm.AlarmName!)) &&
    (input.AlarmNamePrefix === undefined || alarm.AlarmName!.startsWith(input.AlarmNamePrefix)) &&
    (input.StateValue === undefined || alarm.StateValue === input.StateValue) &&
    (input.ActionPrefix === undefined || actions.some((action) => action.startsWith(input.ActionPrefix!))) &&
    (input.AlarmTypes === undefined || input.AlarmTypes.includes('MetricAlarm'))
  );
}

function matchesHistory(item: sdk.AlarmHistoryItem, input: sdk.DescribeAlarmHistoryInput): boolean {
  return (
    (input.AlarmName === undefined || item.AlarmName === input.AlarmName) &&
    (input.HistoryItemType === undefined || item.HistoryItemType === input.HistoryItemType) &&
    (input.StartDate === undefined || item.Timestamp! >= input.StartDate) &&
    (input.EndDate === undefined || item.Timestamp! <= input.EndDate)
  );
}
