import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { Alarm, type AlarmWords } from './alarm.ts';
import type { Foundation } from './foundation.ts';
import { accept } from './nag.ts';
import { EveryMinute } from './schedule.ts';
import { Step } from './step.ts';
import { WorkloadAlarm } from './workload-alarm.ts';

/** The shortest period of a CloudWatch alarm, and the one in which the loop's metric is judged. */
const ALARM_PERIOD_SECONDS = 10;
/** The loop runs on until its successor has begun: a start may come a minute late, and one may be lost. */
const WATCH_TIMEOUT_SECONDS = 240;
/** A start that is older than this is about another outage. */
const START_MAX_AGE_SECONDS = 300;

/** The observer of a region; in a site also the guard of the lease, the judge, and the alarms that start a failover. */
export class Detection extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly foundation: Foundation,
  ) {
    super(scope, id);
    this.createTable();
    new EveryMinute(this, 'WatchSchedule', foundation, this.createWatch());
    if (foundation.site) {
      this.createAlarms(this.createStarter());
      this.createLookAgain();
      this.createBeatAlarm();
      this.createStandbyAlarms();
      this.createLeaseAlarms();
      this.createLagAlarms();
      this.createOverdueAlarms();
    }
  }

  /** What this region's observer saw last; the other regions read it. An ordinary table: a copy of it would tie the observers together. */
  private createTable(): void {
    const table = new Table(this, 'Observations', {
      tableName: this.foundation.names.observations,
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: 'ttl',
      removalPolicy: RemovalPolicy.DESTROY,
    });
    accept(table, 'DDB3', 'observations are renewed every few seconds and worthless after a minute: there is nothing to restore');
  }

  private createWatch(): Step {
    const { rights, site, environment } = this.foundation;
    const { primary, recovery } = environment.sites;
    // A witness holds no replica of the ledger: it learns from the sites' replicas which site is active.
    const siteRights = [
      rights.readLedger(),
      rights.writeLedger('lease', 'fence'),
      rights.isolateDatabases(),
      rights.askPledges(),
      rights.putMetrics(),
      rights.readSecrets(),
      rights.describeDatabases(),
    ];
    const witnessRights = [rights.readLedger([primary.region, recovery.region])];
    return new Step(this, this.foundation, {
      step: 'detection/watch',
      description: 'Observes the workloads in a loop; in a site judges, and renews the lease of what is active here',
      timeoutSeconds: WATCH_TIMEOUT_SECONDS,
      memoryMb: 128, // it never stops: memory is its price
      sql: true,
      asynchronous: { retries: 0, maxAgeSeconds: 60 },
      rights: [rights.readObservations(), rights.writeObservations(), ...(site ? siteRights : witnessRights)],
    });
  }

  private createStarter(): Step {
    const { rights, names, region } = this.foundation;
    return new Step(this, this.foundation, {
      step: 'detection/start-failover',
      description: "Turns the alarm 'workload down' into a run of the failover machine, once",
      timeoutSeconds: 30,
      memoryMb: 256,
      usesKey: true,
      asynchronous: { retries: 2, maxAgeSeconds: START_MAX_AGE_SECONDS },
      rights: [rights.startExecution('failover'), rights.readLedger(), rights.putInLedger('incident'), rights.publish()],
      variables: { LIFEBOAT_MACHINE_ARN: names.arn('states', region, `stateMachine:${names.machine('failover')}`) },
    });
  }

  private createLookAgain(): void {
    const { rights, names, region } = this.foundation;
    const lookAgain = new Step(this, this.foundation, {
      step: 'detection/look-again',
      description: 'Looks each minute for outages without a run, questions without an answer, and runs that take too long',
      timeoutSeconds: 30,
      memoryMb: 256,
      usesKey: true,
      asynchronous: { retries: 0, maxAgeSeconds: 60 },
      rights: [
        rights.readObservations(),
        rights.readLedger(),
        rights.writeLedger('incident'),
        rights.startExecution('failover'),
        rights.publish(),
        rights.putMetrics(),
      ],
      variables: { LIFEBOAT_MACHINE_ARN: names.arn('states', region, `stateMachine:${names.machine('failover')}`) },
    });
    new EveryMinute(this, 'LookAgainSchedule', this.foundation, lookAgain);
  }

  private createAlarms(starter: Step): void {
    const { environment, names, region } = this.foundation;
    for (const { name } of environment.workloads) {
      new WorkloadAlarm(this.foundation, {
        workload: name,
        suffix: 'down',
        metricName: 'WorkloadDown',
        statistic: 'Minimum',
        periodSeconds: ALARM_PERIOD_SECONDS,
        evaluationPeriods: environment.detection.confirmationSeconds / ALARM_PERIOD_SECONDS,
        missing: 'notBreaching', // an observer that cannot tell says nothing, and silence moves no workload
        invokes: names.functionArn('detection/start-failover', region),
        impact: `The quorum of observers cannot use '${name}' in its active site, and this site could take it over.`,
        runbook: 'Workload down',
        notCovered: 'an outage that fewer observers than the quorum see, and wrong answers with status 200',
      });
    }
    starter.function.addPermission('Alarms', {
      principal: new ServicePrincipal('lambda.alarms.cloudwatch.amazonaws.com'),
      sourceAccount: environment.account,
      sourceArn: names.arn('cloudwatch', region, `alarm:${names.prefix}-*-down`),
    });
  }

  private createStandbyAlarms(): void {
    this.createSignalAlarms('StandbySilent', 'standby-silent', (name) => ({
      evaluationPeriods: 1, // the metric itself waits for half a minute of silence
      impact: `The standby of '${name}' has said nothing for half a minute: if the active region failed now, nothing would take over.`,
      runbook: 'Standby silent',
      notCovered: 'a standby that speaks but lags, or whose compute would not start',
    }));
  }

  private createLagAlarms(): void {
    this.createSignalAlarms('ReplicationLagging', 'replication-lag', (name) => ({
      evaluationPeriods: 2, // one reading may fall into a restart
      impact: `The standby of '${name}' lags over the RPO, or nobody can read its lag: a failover now would lose more than was promised.`,
      runbook: 'Replication lag',
      notCovered: 'lag while the watch of the standby site is silent, which has its own alarm',
    }));
  }

  private createOverdueAlarms(): void {
    this.createSignalAlarms('RunOverdue', 'run-overdue', (name) => ({
      evaluationPeriods: 1,
      impact: `A run has worked on '${name}' for longer than its RTO, a person's time not counted: it is stuck, or slower than was promised.`,
      runbook: 'Run overdue',
      notCovered: 'runs that ended in failure within the RTO, which have their own alarm',
    }));
  }

  /** Alarms for each workload on a metric that is 1 while something is wrong; who has nothing to say about it puts none. */
  private createSignalAlarms(
    metricName: string,
    suffix: string,
    words: (workload: string) => AlarmWords & { evaluationPeriods: number },
  ): void {
    for (const { name } of this.foundation.environment.workloads) {
      // Only the site that it concerns speaks; the other has nothing to say.
      new WorkloadAlarm(this.foundation, { workload: name, suffix, metricName, missing: 'notBreaching', ...words(name) });
    }
  }

  /** What endangers the lease of all workloads here, while they are still well. */
  private createLeaseAlarms(): void {
    const { environment, names, notification } = this.foundation;
    const { policy, failsafe, ttlSeconds, fenceLeadSeconds } = environment.lease;
    const onlyBy = policy === 'available' ? 'as the policy says' : failsafe ? "only by the other site's pledges" : '';
    const until = onlyBy ? `go on writing ${onlyBy}` : `stop after ${ttlSeconds - fenceLeadSeconds} s without it`;
    const alarm = (id: string, name: string, metricName: string, words: AlarmWords) =>
      new Alarm(this, id, {
        name: `${names.prefix}-${name}`,
        metric: new Metric({
          namespace: 'Lifeboat',
          metricName,
          dimensionsMap: { Environment: environment.name },
          statistic: 'Minimum', // the whole minute: one answer that was lost is no fault
          period: Duration.minutes(1),
        }),
        threshold: 1,
        evaluationPeriods: 1,
        missing: 'notBreaching', // a loop that says nothing has an alarm of its own
        topic: notification.topic,
        ...words,
      });
    alarm('LedgerSilent', 'ledger-silent', 'LedgerSilent', {
      impact: `This site's guards do not reach the ledger: no lease is renewed here, and nothing can be moved. Workloads that are active here ${until}.`,
      runbook: 'Ledger silent',
      notCovered: 'single answers that are lost, and a ledger that answers wrongly',
    });
    alarm('ClockSkew', 'clock-skew', 'ClockSkew', {
      impact: 'The clock of this site is wrong by more than half of maxClockSkewSeconds: the site takes no lease until it is right again.',
      runbook: 'Clock skew',
      notCovered: 'an error below half of maxClockSkewSeconds, which the protocol bears, and the clocks of database hosts',
    });
  }

  private createBeatAlarm(): void {
    const { environment, names, notification } = this.foundation;
    new Alarm(this, 'WatchSilent', {
      name: `${names.prefix}-watch-silent`,
      metric: new Metric({
        namespace: 'Lifeboat',
        metricName: 'WatchBeat',
        dimensionsMap: { Environment: environment.name },
        statistic: 'Sum',
        period: Duration.minutes(1),
      }),
      threshold: 1,
      below: true,
      evaluationPeriods: 3,
      missing: 'breaching',
      topic: notification.topic,
      impact: "This site's observer is silent: it cannot start a failover, and no lease is renewed for what is active here.",
      runbook: 'Watch silent',
      notCovered: "the witness's observer, whose silence the sites count as 'unknown'",
    });
  }
}
