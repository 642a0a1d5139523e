import { DescribeExecutionCommand, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { messageOf } from '../../lambdas/kit/errors.ts';
import { EXIT } from '../exit-codes.ts';
import { calledAs, type Operator } from './operator.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
/** For so long in a row looks may fail: a run outlives a fault on the way to it. */
const BLIND_MS = 5 * 60_000;
/** As long as a run may last at most; the machine's own timeout ends it sooner. */
const LONGEST_MS = 24 * 3_600_000;

export interface Run {
  /** `failover`, `restore`: the last part of the machine's name. */
  machine: string;
  region: string;
  /** Of the execution, and of its incident where it goes on with none. */
  name: string;
  /** That it goes on with. */
  incident?: string;
  input: Record<string, unknown>;
  /** Wait for its end; else return as soon as it has started. */
  watch: boolean;
  /** Called between two looks: what a person has to know before the end. It must not fail. */
  meanwhile?: () => Promise<void>;
}

export interface Clock {
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** What was seen last of an execution; `UNKNOWN` where that is too long ago. */
interface Sight {
  status?: string;
  output?: string;
  error?: string;
  cause?: string;
}

const unknown = { status: 'UNKNOWN' };
const clockOfHost: Clock = { now: () => performance.now(), sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) };

/**
 * Starts a machine as anybody may from the console, and follows it to its end. Exit code 1 unless it ended well, 3 where it was lost
 * sight of.
 */
export const startAndFollow = async (
  operator: Pick<Operator, 'environment' | 'region' | 'sfn' | 'stateMachineArn' | 'print'>,
  { machine, region, name, incident = name, input, watch, meanwhile }: Run,
  clock = clockOfHost,
): Promise<void> => {
  const client = operator.sfn(region);
  const { executionArn } = await client.send(
    new StartExecutionCommand({ stateMachineArn: operator.stateMachineArn(region, machine), name, input: JSON.stringify(input) }),
  );
  process.stderr.write(`started ${name} in ${region}\n`);
  if (!watch) return operator.print({ incident, region, executionArn }, () => incident);

  const look = (): Promise<Sight> => client.send(new DescribeExecutionCommand({ executionArn }));
  const { status, output, error, cause } = await endOf(look, meanwhile, clock);
  operator.print(
    { incident, region, executionArn, status, output: output && JSON.parse(output), error, cause },
    () => `${status}${error ? `: ${error}: ${cause}` : ''}\n${output ?? ''}`,
  );
  if (status === unknown.status) {
    process.stderr.write(
      `lost sight of ${executionArn}: ${error}: ${cause}; the run goes on: ${calledAs(operator)} incident ${incident}\n`,
    );
    process.exitCode = EXIT.lostSight;
  } else if (status !== 'SUCCEEDED') process.exitCode = EXIT.failed;
};

const endOf = async (look: () => Promise<Sight>, meanwhile: Run['meanwhile'], { now, sleep }: Clock): Promise<Sight> => {
  const startedAt = now();
  let blindSince: number | undefined;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    try {
      const sight = await look();
      if (sight.status !== 'RUNNING' && sight.status !== 'PENDING_REDRIVE') return sight;
      blindSince = undefined;
    } catch (error) {
      if (blindSince === undefined) process.stderr.write(`the run cannot be seen, asking on: ${messageOf(error)}\n`);
      blindSince ??= now();
      if (now() - blindSince >= BLIND_MS) return { ...unknown, error: (error as Error).name, cause: (error as Error).message };
    }
    if (now() - startedAt >= LONGEST_MS) return { ...unknown, error: 'StillRuns', cause: `after ${LONGEST_MS / 3_600_000} hours` };
    await meanwhile?.();
    await sleep(pause);
  }
};

/** A name that no other run has: what it does, and when. */
export const runName = (what: string): string => `${what}-${new Date().toISOString().replace(/\D/g, '')}`;
