import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { guardCalls, guarded } from './clients.ts';
import { required } from './step.ts';

/** What a guard that goes on without the ledger leaves to the loop after it: which epoch is its site's, and until when it may write (epoch milliseconds). */
export interface Standing {
  epoch: number;
  until: number;
}

const keyOf = (workload: string) => ({ pk: `standing#${workload}`, sk: 'latest' });

/** Standings of this region's guards, in this region's own table. */
export class Standings {
  private readonly client = guarded(DynamoDBDocumentClient.from(new DynamoDBClient(guardCalls)));

  constructor(private readonly table = required('LIFEBOAT_OBSERVATIONS_TABLE')) {}

  async keep(workload: string, standing: Standing): Promise<void> {
    await this.client.send(new PutCommand({ TableName: this.table, Item: { ...keyOf(workload), ...standing } }));
  }

  /** Nothing means that no guard here ever went on without the ledger; a failed read throws. */
  async last(workload: string): Promise<Standing | undefined> {
    const { Item } = await this.client.send(new GetCommand({ TableName: this.table, Key: keyOf(workload), ConsistentRead: true }));
    return Item as Standing | undefined;
  }
}
