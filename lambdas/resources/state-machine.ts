import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { guarded, localCalls } from '../kit/clients.ts';

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
