import { Construct } from 'constructs';
import type { IntegrityPolicy } from '../environments/integrity.ts';
import type { Environment } from '../environments/schema.ts';
import type { Foundation } from './foundation.ts';
import { EveryMinute, Scheduled } from './schedule.ts';
import { Step } from './step.ts';
import { WorkloadAlarm } from './workload-alarm.ts';

const MEMORY_MB = 256;
/** A round begins its last database in time for the longest budget. */
const CHECK_TIMEOUT_SECONDS = 840;
const WATCH_TIMEOUT_SECONDS = 50;

/** Looks into the site's live databases on the environment's schedules, and says what has failed and what was not looked at for too long. */
export class Integrity extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly foundation: Foundation,
  ) {
    super(scope, id);
    this.createSchedules(this.createCheck());
    new EveryMinute(this, 'WatchSchedule', foundation, this.createWatch());
    for (const { name, databases } of foundation.environment.workloads)
      if (databases.some(({ integrity }) => integrity)) this.createAlarms(name);
  }

  private createCheck(): Step {
    const { rights } = this.foundation;
    return new Step(this, this.foundation, {
      step: 'integrity/check-integrity',
      description: 'Reads rows and pages of the live databases, a part at a time, and tells what is wrong with them',
      timeoutSeconds: CHECK_TIMEOUT_SECONDS,
      memoryMb: MEMORY_MB,
      sql: true,
      usesKey: true,
      asynchronous: { retries: 0, maxAgeSeconds: 60 },
      rights: [rights.readTimeline(), rights.putInLedger('integrity'), rights.listInstances(), rights.readSecrets(), rights.publish()],
    });
  }

  private createWatch(): Step {
    const { rights } = this.foundation;
    return new Step(this, this.foundation, {
      step: 'integrity/watch-integrity',
      description: 'Says how many checks have failed and how late the others are',
      timeoutSeconds: WATCH_TIMEOUT_SECONDS,
      memoryMb: MEMORY_MB,
      asynchronous: { retries: 0, maxAgeSeconds: 60 },
      rights: [rights.readTimeline(), rights.putInLedger('integrity'), rights.putMetrics()],
    });
  }

  /** One for each expression, however many databases share it. */
  private createSchedules(step: Step): void {
    const { environment, names } = this.foundation;
    for (const { schedule, timeZone } of distinctSchedules(environment)) {
      const key = `${schedule}-${timeZone}`.replaceAll(/[^A-Za-z0-9]+/g, '-');
      new Scheduled(this, `Schedule-${key}`, this.foundation, {
        step,
        expression: schedule,
        timeZone,
        name: `${names.prefix}-integrity-${key}`.slice(0, 64),
        input: { schedule, timeZone },
      });
    }
  }

  private createAlarms(workload: string): void {
    new WorkloadAlarm(this.foundation, {
      workload,
      suffix: 'integrity-failed',
      metricName: 'IntegrityFailed',
      evaluationPeriods: 1,
      missing: 'notBreaching', // its silence is the other alarm's
      impact: `A check of the live data of '${workload}' has failed: rows or pages are not what they should be.`,
      runbook: 'Integrity failed',
      notCovered: 'what no check of the environment looks at, and what has changed since the newest round',
    });
    new WorkloadAlarm(this.foundation, {
      workload,
      suffix: 'integrity-overdue',
      metricName: 'IntegrityOverdue',
      evaluationPeriods: 3,
      missing: 'breaching', // the watch speaks every minute, and its silence means that nobody knows
      impact: `A check of the live data of '${workload}' was not through everything for longer than its policy allows: damage would not be seen.`,
      runbook: 'Integrity overdue',
      notCovered: 'what a check that does run has found',
    });
  }
}

export const integrityPoliciesOf = ({ workloads }: Environment): IntegrityPolicy[] =>
  workloads.flatMap(({ databases }) => databases.flatMap(({ integrity }) => integrity ?? []));

export const distinctSchedules = (environment: Environment): Pick<IntegrityPolicy, 'schedule' | 'timeZone'>[] => [
  ...new Map(integrityPoliciesOf(environment).map((policy) => [`${policy.schedule} ${policy.timeZone}`, policy])).values(),
];
