import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  InvalidToken,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn'; // prettier-ignore
import type { SendAnswer } from '../kit/approvals.ts';
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

/** Answers a state that waits by task token. A run that has ended, or waits no longer, is an answer and no error. */
export const answerSender = (sfn: SFNClient = guarded(new SFNClient(localCalls))): SendAnswer => {
  const commandFor: Record<'approved' | 'refused', (taskToken: string, text: string) => Promise<unknown>> = {
    approved: (taskToken, text) => sfn.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify({ approved: true, text }) })),
    refused: (taskToken, text) =>
      sfn.send(new SendTaskFailureCommand({ taskToken, error: 'ApprovalRefused', cause: JSON.stringify({ errorMessage: text }) })),
  };
  return async (token, { verdict, by, reason }) => {
    try {
      await commandFor[verdict](token, `${verdict} by ${by}: ${reason}`);
      return 'delivered';
    } catch (error) {
      if (error instanceof TaskTimedOut || error instanceof TaskDoesNotExist || error instanceof InvalidToken) return 'ended';
      throw error;
    }
  };
};
