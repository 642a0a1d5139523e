import { LedgerRights } from './ledger.ts';
import { allow, type Right } from './right.ts';

/** Metrics, messages, machines, compute, evidence. */
export abstract class OperationRights extends LedgerRights {
  putMetrics(): Right[] {
    return [
      allow(
        { actions: ['cloudwatch:PutMetricData'], resources: ['*'], conditions: { StringEquals: { 'cloudwatch:namespace': 'Lifeboat' } } },
        { '*': 'PutMetricData knows no resources; the condition holds it to the namespace Lifeboat' },
      ),
    ];
  }

  publish(): Right[] {
    return [allow({ actions: ['sns:Publish'], resources: [this.names.arn('sns', this.region, this.names.topic)] })];
  }

  startExecution(machine: string): Right[] {
    return [
      allow({
        actions: ['states:StartExecution'],
        resources: [this.names.arn('states', this.region, `stateMachine:${this.names.machine(machine)}`)],
      }),
    ];
  }

  /** Does an execution still run? */
  describeExecutions(machine: string): Right[] {
    const executions = this.names.arn('states', this.region, `execution:${this.names.machine(machine)}:*`);
    return [
      allow(
        { actions: ['states:DescribeExecution'], resources: [executions] },
        { [executions]: 'an execution is named when it is started' },
      ),
    ];
  }

  /** Answers states of one machine that wait by task token. AWS checks these actions against the machine, and knows nothing narrower. */
  answerTasks(machine: string): Right[] {
    return [
      allow({
        actions: ['states:SendTaskSuccess', 'states:SendTaskFailure'],
        resources: [this.names.arn('states', this.region, `stateMachine:${this.names.machine(machine)}`)],
      }),
    ];
  }

  scaleCompute(): Right[] {
    const services = this.environment.workloads.flatMap(({ compute }) =>
      compute.map(({ cluster, service }) => this.names.arn('ecs', this.region, `service/${cluster}/${service}`)),
    );
    return services.length === 0 ? [] : [allow({ actions: ['ecs:DescribeServices', 'ecs:UpdateService'], resources: services })];
  }

  writeEvidence(): Right[] {
    const incidents = `${this.names.evidenceArn(this.region)}/incidents/*`;
    return [
      allow({ actions: ['s3:PutObject'], resources: [incidents] }, { [incidents]: 'one object per incident, named when it happens' }),
    ];
  }

  /** Rows that exist nowhere else: written by one step, read by none. */
  writeLostRows(): Right[] {
    const rows = `${this.names.lostRowsArn(this.region)}/*`;
    return [
      allow({ actions: ['s3:PutObject'], resources: [rows] }, { [rows]: "an object is named for its table, which is the workload's" }),
    ];
  }

  /** Rows' values before and after a repair: this prefix alone. */
  writeRepairs(): Right[] {
    return this.repairs('s3:PutObject');
  }

  readRepairs(): Right[] {
    return this.repairs('s3:GetObject');
  }

  private repairs(action: string): Right[] {
    const repairs = `${this.names.evidenceArn(this.region)}/repairs/*`;
    return [allow({ actions: [action], resources: [repairs] }, { [repairs]: 'one object for each repair, named when it happens' })];
  }
}
