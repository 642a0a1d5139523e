import { DescribeExecutionCommand, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { SiteName } from '../../environments/schema.ts';
import type { Operator } from './operator.ts';

const POLL_MS = 2_000;
/** As long as a run may last at most; the machine's own timeout ends it sooner. */
const LONGEST_MS = 24 * 3_600_000;

interface Options {
  to: SiteName;
  reason?: string;
  dryRun: boolean;
  watch: boolean;
}

/** Starts the failover machine of the site that is to be activated, as the alarm would, and follows it to its end. */
export const move = async (
  { sfn, regionOf, stateMachineArn, print }: Operator,
  mode: 'failover' | 'switchover',
  workloads: string[],
  { to, reason, dryRun, watch }: Options,
): Promise<void> => {
  const region = regionOf(to);
  const client = sfn(region);
  const name = `${mode}-${new Date().toISOString().replace(/\D/g, '')}`;
  const input = { mode, dryRun, reason, workloads: workloads.length > 0 ? workloads : undefined };
  const { executionArn } = await client.send(
    new StartExecutionCommand({ stateMachineArn: stateMachineArn(region), name, input: JSON.stringify(input) }),
  );
  process.stderr.write(`started ${name} in ${region}\n`);
  if (!watch) return print({ incident: name, region, executionArn }, () => name);

  const until = Date.now() + LONGEST_MS;
  while (Date.now() < until) {
    const { status, output, error, cause } = await client.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== 'RUNNING' && status !== 'PENDING_REDRIVE') {
      print(
        { incident: name, region, status, output: output && JSON.parse(output), error, cause },
        () => `${status}${error ? `: ${error}: ${cause}` : ''}\n${output ?? ''}`,
      );
      if (status !== 'SUCCEEDED') process.exitCode = 1;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`${name} still runs after ${LONGEST_MS / 3_600_000} hours`);
};
