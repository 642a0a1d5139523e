import { LambdaClient, ListFunctionsCommand, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import type { Region } from '../../types.ts';
import type { Drill } from '../drill.ts';
import { asPerson } from '../person.ts';
import { killAll, sandboxesOf } from './processes.ts';

/** The loop of Lifeboat that observes and guards, by its name. */
const GUARD = /-watch$/;

/** The guard of a region is dead, and stays dead: no new start is let in, and what runs is killed. */
export async function stopGuard(drill: Drill, region: Region): Promise<void> {
  const { lab } = drill;
  const client = new LambdaClient(asPerson(lab, region));
  try {
    const { Functions = [] } = await client.send(new ListFunctionsCommand({}));
    const names = Functions.flatMap(({ FunctionName = '' }) => (GUARD.test(FunctionName) ? [FunctionName] : []));
    for (const FunctionName of names) {
      await client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
    }
    killAll(
      names.flatMap((name) => sandboxesOf(drill, region, name)),
      `guard in ${region}`,
    );
  } finally {
    client.destroy();
  }
}
