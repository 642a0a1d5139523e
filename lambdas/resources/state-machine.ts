import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { guarded, localCalls } from '../kit/clients.ts';
import { messageOf } from '../kit/errors.ts';
import { log } from '../kit/log.ts';

/** Starts an execution under a name; a name that is known already is the same run, not an error. */
export type StartMachine = (name: string, input: Record<string, unknown>) => Promise<'started' | 'known'>;

/** The machine of one ARN, in the function's own region. */
export const machineStarter = (stateMachineArn: string): StartMachine => {
  const sfn = guarded(new SFNClient(localCalls));
  return async (name, input) => {
    try {
      await sfn.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
      return 'started';
    } catch (error) {
      if (error instanceof ExecutionAlreadyExists) return 'known';
      throw error;
    }
  };
};

/** Has an execution of a machine ended? Nothing when that could not be read. */
export type HasEnded = (name: string) => Promise<boolean | undefined>;

/** Asks Step Functions in the function's own region. An execution that does not exist works on nothing. */
export const executionProbe = (stateMachineArn: string): HasEnded => {
  const sfn = guarded(new SFNClient(localCalls));
  return async (name) => {
    const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
    try {
      return (await sfn.send(new DescribeExecutionCommand({ executionArn }))).status !== 'RUNNING';
    } catch (error) {
      if (error instanceof ExecutionDoesNotExist) return true;
      log('execution-not-read', { execution: name, error: messageOf(error) });
      return undefined;
    }
  };
};
