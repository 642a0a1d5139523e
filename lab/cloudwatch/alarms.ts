import type { AlarmHistoryItem, MetricAlarm, StateValue } from '@aws-sdk/client-cloudwatch';
import { type Comparison, evaluate, evaluationRange, isComparison, type Period, type TreatMissingData } from './evaluate.ts';
import type { MetricStore } from './metrics.ts';
import { type AlarmStatus, statisticOf, status } from './reason.ts';
import { isStatistic, statistic } from './statistics.ts';

const HISTORY_LIMIT = 1000;
const HIGH_RESOLUTION_BELOW_SECONDS = 60;

/** Of one region: which state its alarms are in, and how they came there. Their configuration is somebody else's. */
export class Alarms {
  readonly history: AlarmHistoryItem[] = [];
  private readonly statuses = new Map<string, AlarmStatus>();
  private readonly evaluatedAt = new Map<string, number>();
  private readonly metrics: MetricStore;
  private readonly changed: (alarm: MetricAlarm, previous: AlarmStatus, current: AlarmStatus) => void;

  constructor(metrics: MetricStore, changed: (alarm: MetricAlarm, previous: AlarmStatus, current: AlarmStatus) => void) {
    this.metrics = metrics;
    this.changed = changed;
  }

  /** The alarm with its state; one that is new has not seen data yet. */
  withState(alarm: MetricAlarm, now: number): MetricAlarm {
    const { value, reason, reasonData, at } = this.status(alarm, now);
    const times = { StateUpdatedTimestamp: at, StateTransitionedTimestamp: at };
    return { ...alarm, StateValue: value, StateReason: reason, StateReasonData: reasonData, ...times };
  }

  /** Evaluate all that are due. `alarms` is the whole of the region: the state of others is forgotten. */
  evaluate(alarms: readonly MetricAlarm[], now: number, standardMs: number): void {
    const names = new Set(alarms.map(({ AlarmName }) => AlarmName!));
    for (const name of this.statuses.keys()) if (!names.has(name)) this.forget(name);
    for (const alarm of alarms) {
      const everyMs = (alarm.Period ?? HIGH_RESOLUTION_BELOW_SECONDS) < HIGH_RESOLUTION_BELOW_SECONDS ? 0 : standardMs;
      const last = this.evaluatedAt.get(alarm.AlarmName!) ?? Number.NEGATIVE_INFINITY;
      if (now - last < everyMs) continue;
      this.evaluatedAt.set(alarm.AlarmName!, now);
      this.evaluateOne(alarm, now);
    }
  }

  /** SetAlarmState: until the next evaluation says otherwise. */
  set(alarm: MetricAlarm, value: StateValue, reason: string, reasonData: string | undefined, now: number): void {
    this.move(alarm, { value: value as AlarmStatus['value'], reason, reasonData, at: new Date(now) });
  }

  record(alarm: MetricAlarm, at: Date, type: 'StateUpdate' | 'Action', summary: string, data: object): void {
    const item = { AlarmName: alarm.AlarmName, AlarmType: 'MetricAlarm' as const, Timestamp: at, HistoryItemType: type };
    this.history.unshift({ ...item, HistorySummary: summary, HistoryData: JSON.stringify(data) });
    this.history.length = Math.min(this.history.length, HISTORY_LIMIT);
  }

  private forget(name: string): void {
    this.statuses.delete(name);
    this.evaluatedAt.delete(name);
  }

  private status(alarm: MetricAlarm, now: number): AlarmStatus {
    const known = this.statuses.get(alarm.AlarmName!);
    if (known !== undefined) return known;
    const created: AlarmStatus = { value: 'INSUFFICIENT_DATA', reason: 'Unchecked: Initial alarm creation', at: new Date(now) };
    this.statuses.set(alarm.AlarmName!, created);
    return created;
  }

  private evaluateOne(alarm: MetricAlarm, now: number): void {
    const current = this.status(alarm, now);
    const unmodelled = whyNot(alarm);
    if (unmodelled !== undefined) {
      this.statuses.set(alarm.AlarmName!, { ...current, reason: `Not evaluated: the lab does not model ${unmodelled}.` });
      return;
    }
    const evaluation = evaluate(ruleOf(alarm), this.range(alarm, now));
    if (evaluation.state === 'unchanged' || evaluation.state === current.value) return;
    this.move(alarm, status(alarm, evaluation.state, evaluation, new Date(now)));
  }

  /** The complete periods of the evaluation range, oldest first. */
  private range(alarm: MetricAlarm, now: number): Period[] {
    const { Namespace, MetricName, Dimensions, Unit, EvaluationPeriods } = alarm;
    const periodMs = alarm.Period! * 1000;
    const end = Math.floor(now / periodMs) * periodMs;
    const length = evaluationRange(EvaluationPeriods!);
    return Array.from({ length }, (_, index) => {
      const at = end - (length - index) * periodMs;
      const samples = this.metrics.samples({ Namespace, MetricName, Dimensions }, at, at + periodMs, Unit || undefined);
      return { at: new Date(at), value: statistic(statisticOf(alarm), samples) };
    });
  }

  private move(alarm: MetricAlarm, current: AlarmStatus): void {
    const previous = this.status(alarm, current.at.getTime());
    this.statuses.set(alarm.AlarmName!, current);
    if (previous.value === current.value) return;
    const summary = `Alarm updated from ${previous.value} to ${current.value}`;
    this.record(alarm, current.at, 'StateUpdate', summary, { version: '1.0', oldState: previous, newState: current });
    this.changed(alarm, previous, current);
  }
}

function whyNot(alarm: MetricAlarm): string | undefined {
  if (alarm.Metrics?.length) return 'metric math';
  if (alarm.MetricName === undefined || alarm.Period === undefined) return 'alarms that watch no single metric';
  if (!isComparison(alarm.ComparisonOperator)) return `the comparison ${alarm.ComparisonOperator}`;
  if (!isStatistic(statisticOf(alarm))) return `the statistic ${statisticOf(alarm)}`;
  return undefined;
}

function ruleOf(alarm: MetricAlarm) {
  // Alarms on DynamoDB's own metrics ignore missing data whatever they are told.
  const treatment = alarm.Namespace === 'AWS/DynamoDB' ? 'ignore' : alarm.TreatMissingData || 'missing';
  return {
    comparison: alarm.ComparisonOperator as Comparison,
    threshold: alarm.Threshold!,
    evaluationPeriods: alarm.EvaluationPeriods!,
    datapointsToAlarm: alarm.DatapointsToAlarm || alarm.EvaluationPeriods!,
    treatMissingData: treatment as TreatMissingData,
  };
}
