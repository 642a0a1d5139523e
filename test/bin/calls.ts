import { DescribeExecutionCommand, type StartExecutionCommand } from '@aws-sdk/client-sfn';
import { vi } from 'vitest';
import type { Operator } from '../../bin/commands/operator.ts';
import { run } from '../../bin/run.ts';
import demo from '../../environments/demo-backup.ts';
import { leaseOf, MemoryLedger } from '../kit/services.ts';

/** What was written and what the shell would be told, whatever was run. */
export const heard = async (work: () => Promise<unknown>): Promise<{ code: number | string; stdout: string; stderr: string }> => {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      // Node writes its warnings there too, about itself.
      if (!String(text).startsWith('(node:')) said[stream] += String(text);
      return true;
    }),
  );
  process.exitCode = undefined;
  try {
    await work();
    return { code: process.exitCode ?? 0, ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = undefined;
  }
};

/** One command line, run in this process. */
export const called = (words: readonly string[], connectTo?: Parameters<typeof run>[1]) => heard(() => run(words, connectTo));

export type Started = { name: string; region: string; machine: string; input: Record<string, unknown> };

/** An operator whose machines are told of in `started`, and answer each look with `look`. */
export const operatorFor = (
  look: (started: Started) => unknown = () => ({ status: 'SUCCEEDED', output: '{}' }),
  over: Partial<Operator> = {},
): Operator & { started: Started[]; memory: MemoryLedger } => {
  const started: Started[] = [];
  const memory = new MemoryLedger(leaseOf());
  const start = (region: string, { input }: StartExecutionCommand) => {
    started.push({ name: input.name!, region, machine: input.stateMachineArn!, input: JSON.parse(input.input!) });
    return { executionArn: `arn:${input.name}` };
  };
  const send = (region: string) => async (command: DescribeExecutionCommand | StartExecutionCommand) =>
    command instanceof DescribeExecutionCommand ? look(started.at(-1)!) : start(region, command);
  return {
    environment: demo,
    json: true,
    ledger: memory as never,
    regionOf: (site) => demo.sites[site].region,
    stateMachineArn: (_, machine) => machine,
    sfn: (region) => ({ send: send(region) }) as never,
    print: (document) => process.stdout.write(JSON.stringify(document)),
    started,
    memory,
    ...over,
  };
};
