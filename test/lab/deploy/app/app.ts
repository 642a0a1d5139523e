/** A small application of two regions, with one of each kind of resource that the deployer treats in its own way. */
import { App, CfnOutput, Duration, Fn, Stack } from 'aws-cdk-lib';
import { Alarm, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { AttributeType, MultiRegionConsistency, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { CfnHealthCheck, CfnRecordSet } from 'aws-cdk-lib/aws-route53';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { CfnDocument } from 'aws-cdk-lib/aws-ssm';
import { DefinitionBody, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';

const account = '000000000000';
const app = new App();
const name = app.node.tryGetContext('env') as string;

const ledger = new Stack(app, `${name}-ledger`, { env: { account, region: 'us-east-1' } });
new TableV2(ledger, 'Ledger', {
  tableName: `${name}-ledger`,
  partitionKey: { name: 'pk', type: AttributeType.STRING },
  replicas: [{ region: 'us-west-2' }],
  multiRegionConsistency: MultiRegionConsistency.STRONG,
  witnessRegion: 'us-east-2',
});

for (const region of ['us-east-1', 'us-west-2']) {
  const site = new Stack(app, `${name}-site-${region}`, { stackName: `${name}-site`, env: { account, region } });
  site.addDependency(ledger);
  const code = Code.fromInline('exports.handler = async (event) => event;');
  const step = new LambdaFunction(site, 'Step', {
    functionName: `${name}-step`,
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code,
  });
  const states = { Only: { Type: 'Task', Resource: '${Step}', End: true } };
  const machine = new StateMachine(site, 'Machine', {
    stateMachineName: `${name}-machine`,
    definitionBody: DefinitionBody.fromString(JSON.stringify({ StartAt: 'Only', States: states })),
    definitionSubstitutions: { Step: step.functionArn },
  });
  step.grantInvoke(machine);
  const metric = new Metric({ namespace: name, metricName: 'Errors', period: Duration.seconds(10) });
  new Alarm(site, 'Alarm', { alarmName: `${name}-alarm`, metric, threshold: 1, evaluationPeriods: 1 });
  new CfnSchedule(site, 'Schedule', {
    name: `${name}-schedule`,
    scheduleExpression: 'rate(1 hour)',
    flexibleTimeWindow: { mode: 'OFF' },
    target: { arn: step.functionArn, roleArn: machine.role.roleArn },
  });
  const document = new CfnDocument(site, 'Runbook', { content: { schemaVersion: '0.3', mainSteps: [] }, documentType: 'Automation' });
  new CfnOutput(site, 'RunbookName', { value: document.ref });
  new CfnOutput(site, 'Host', { value: Fn.join('.', ['beacon', region, 'example.com']), exportName: `${name}-host` });
}

const dns = new Stack(app, `${name}-dns`, { env: { account, region: 'us-west-2' } });
const check = new CfnHealthCheck(dns, 'Check', {
  healthCheckConfig: {
    type: 'HTTPS',
    fullyQualifiedDomainName: Fn.importValue(`${name}-host`),
    port: 443,
    inverted: true,
    requestInterval: 10,
  },
});
new CfnRecordSet(dns, 'Primary', {
  hostedZoneName: 'example.com.',
  name: `${name}.example.com`,
  type: 'CNAME',
  ttl: '10',
  resourceRecords: ['primary.example.com'],
  setIdentifier: 'primary',
  failover: 'PRIMARY',
  healthCheckId: check.attrHealthCheckId,
});
app.synth();
