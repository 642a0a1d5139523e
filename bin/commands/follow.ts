import { DescribeExecutionCommand, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Operator } from './operator.ts';

const POLL_MS = 2_000;
/** As long as a run may last at most; the machine's own timeout ends it sooner. */
const LONGEST_MS = 24 * 3_600_000;

export interface Run {
  /** `failover`, `restore`: the last part of the machine's name. */
  machine: string;
  region: string;
  /** Of the execution, and of its incident. */
  name: string;
  input: Record<string, unknown>;
  /** Wait for its end; else return as soon as it has started. */
  watch: boolean;
  /** Called between two looks until it resolves to true: what a person has to know before the end. */
  meanwhile?: () => Promise<boolean>;
}

/** Starts a machine as anybody may from the console, and follows it to its end. Exit code 1 unless it ended well. */
export const startAndFollow = async (
  { sfn, stateMachineArn, print }: Pick<Operator, 'sfn' | 'stateMachineArn' | 'print'>,
  { machine, region, name, input, watch, meanwhile }: Run,
): Promise<void> => {
  const client = sfn(region);
  const { executionArn } = await client.send(
    new StartExecutionCommand({ stateMachineArn: stateMachineArn(region, machine), name, input: JSON.stringify(input) }),
  );
  process.stderr.write(`started ${name} in ${region}\n`);
  if (!watch) return print({ incident: name, region, executionArn }, () => name);

  const until = Date.now() + LONGEST_MS;
  let told = false;
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
    if (meanwhile && !told) told = await meanwhile();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`${name} still runs after ${LONGEST_MS / 3_600_000} hours`);
};

/** A name that no other run has: what it does, and when. */
export const runName = (what: string): string => `${what}-${new Date().toISOString().replace(/\D/g, '')}`;
