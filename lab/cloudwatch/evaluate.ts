/**
 * How CloudWatch turns the data points of a metric into an alarm's state, from "Configuring how CloudWatch alarms treat missing data"
 * in the CloudWatch User Guide. Pure functions; the guide's tables are the tests.
 */

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';
export type TreatMissingData = 'breaching' | 'notBreaching' | 'ignore' | 'missing';
export type Comparison = 'GreaterThanThreshold' | 'GreaterThanOrEqualToThreshold' | 'LessThanThreshold' | 'LessThanOrEqualToThreshold';

export interface Rule {
  comparison: Comparison;
  threshold: number;
  /** N. */
  evaluationPeriods: number;
  /** M. */
  datapointsToAlarm: number;
  treatMissingData: TreatMissingData;
}

/** One period of the evaluation range; `value` is undefined where the metric has no data in it. */
export interface Period {
  at: Date;
  value: number | undefined;
}

export interface Evaluation {
  /** `unchanged`: the alarm keeps the state it has. */
  state: AlarmState | 'unchanged';
  /** The real data points that were considered, oldest first. */
  evaluated: { at: Date; value: number }[];
  breaching: number;
  /** How many missing data points had to be filled in. */
  filled: number;
}

const COMPARISONS: Record<Comparison, (value: number, threshold: number) => boolean> = {
  GreaterThanThreshold: (value, threshold) => value > threshold,
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
  LessThanOrEqualToThreshold: (value, threshold) => value <= threshold,
};

export function isComparison(operator: string | undefined): operator is Comparison {
  return operator !== undefined && operator in COMPARISONS;
}

/**
 * How many periods are looked at: more than the evaluation periods, so that late and missing data cost as little as possible. AWS does
 * not publish the number; in the guide's examples it is 5 for 3.
 */
export function evaluationRange(evaluationPeriods: number): number {
  return evaluationPeriods + 2;
}

/** The state that the periods of an evaluation range, oldest first, put an alarm into. */
export function evaluate(rule: Rule, range: readonly Period[]): Evaluation {
  const isBreaching = ({ value }: { value: number }) => COMPARISONS[rule.comparison](value, rule.threshold);
  const evaluated = range.filter(isPresent).slice(-rule.evaluationPeriods);
  const breaching = evaluated.filter(isBreaching).length;
  const filled = rule.evaluationPeriods - evaluated.length;
  const state = (): Evaluation['state'] => {
    if (breaching >= rule.datapointsToAlarm) return 'ALARM';
    if (filled === 0 || rule.treatMissingData === 'notBreaching') return 'OK';
    if (rule.treatMissingData === 'breaching') return breaching + filled >= rule.datapointsToAlarm ? 'ALARM' : 'OK';
    if (breaching < evaluated.length) return 'OK';
    if (rule.treatMissingData === 'ignore') return 'unchanged';
    return isOldBreach(rule, range) ? 'ALARM' : 'INSUFFICIENT_DATA';
  };
  return { state: state(), evaluated, breaching, filled };
}

/**
 * Where all existing data points breach but are too few, the alarm still goes off once the oldest of them is as old as the data points
 * to alarm: what came after it was no better, as far as anyone knows. A younger one may yet be followed by a good one.
 */
function isOldBreach({ datapointsToAlarm }: Rule, range: readonly Period[]): boolean {
  const oldest = range.findIndex(isPresent);
  return oldest >= 0 && range.length - oldest >= datapointsToAlarm;
}

function isPresent(period: Period): period is { at: Date; value: number } {
  return period.value !== undefined;
}
