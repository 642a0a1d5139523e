import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { Drill } from './drill.ts';
import { until } from './patience.ts';
import { asPerson } from './person.ts';

/** A check of the live database as Lifeboat's ledger has it; what a person would read there. */
export interface LedgerCheck {
  check: string;
  verdict: string;
  detail?: string;
  lastPassedAt?: string;
}

/** What Lifeboat's ledger says of the live database's integrity, and of runs that wait for a person. */
export class IntegrityView {
  constructor(private readonly drill: Drill) {}

  async checks(): Promise<LedgerCheck[]> {
    const { Items = [] } = await this.ask((client) =>
      client.send(
        new QueryCommand({
          TableName: this.table,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': 'integrity#orders#orders' },
        }),
      ),
    );
    return Items as LedgerCheck[];
  }

  /** Resolves when a check is as wanted. */
  check(what: string, name: string, wanted: (check: LedgerCheck) => boolean, boundMs: number): Promise<LedgerCheck> {
    this.drill.parts.progress.phase(`Until ${what}`);
    const look = async () => (await this.checks()).find((each) => each.check === name && wanted(each));
    return until(what, look, boundMs);
  }

  /** Does the run wait for a person's answer? */
  async asks(incident: string): Promise<true | undefined> {
    const { Item } = await this.ask((client) =>
      client.send(new GetCommand({ TableName: this.table, Key: { pk: `incident#${incident}`, sk: 'orders' }, ConsistentRead: true })),
    );
    return Item?.approval ? true : undefined;
  }

  private get table(): string {
    return `lifeboat-${this.drill.environment}-ledger`;
  }

  private async ask<T>(work: (client: DynamoDBDocumentClient) => Promise<T>): Promise<T> {
    const { lab, recovery } = this.drill;
    const client = DynamoDBDocumentClient.from(new DynamoDBClient(asPerson(lab, recovery)));
    return work(client).finally(() => client.destroy());
  }
}
