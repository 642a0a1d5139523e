import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type DBInstance, type DBSnapshot, DescribeDBInstancesCommand, DescribeDBSnapshotsCommand, RDSClient } from '@aws-sdk/client-rds';
import { DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { Region } from '../types.ts';
import type { Drill } from './drill.ts';
import { asPerson } from './person.ts';

/** A recovery point as Lifeboat's ledger has it; what a person would read there. */
export interface LedgerPoint {
  id: string;
  standing: string;
  dueAt: string;
  copies: { region: Region; arn: string; deletedAt?: string }[];
  vault?: { account: string; arn: string };
  verification?: { run: string; restoreSeconds?: number; checks: { check: string; verdict: string; detail?: string }[] };
}

/** What is there of backups: by RDS's own word, and by Lifeboat's. */
export class BackupView {
  constructor(
    private readonly drill: Drill,
    private readonly environment: string,
  ) {}

  /** Newest first. */
  async points(): Promise<LedgerPoint[]> {
    const client = DynamoDBDocumentClient.from(new DynamoDBClient(asPerson(this.drill.lab, this.drill.recovery)));
    try {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: `lifeboat-${this.environment}-ledger`,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': 'recovery-point#orders#orders' },
          ScanIndexForward: false,
        }),
      );
      return Items as LedgerPoint[];
    } finally {
      client.destroy();
    }
  }

  /** What the ledger has under a key; nothing where there is none. */
  async item(pk: string, sk: string): Promise<Record<string, unknown> | undefined> {
    const client = DynamoDBDocumentClient.from(new DynamoDBClient(asPerson(this.drill.lab, this.drill.recovery)));
    try {
      const TableName = `lifeboat-${this.environment}-ledger`;
      const { Item } = await client.send(new GetCommand({ TableName, Key: { pk, sk }, ConsistentRead: true }));
      return Item;
    } finally {
      client.destroy();
    }
  }

  /** Is a person asked about an incident? By the ledger, where the command that answers reads it. */
  async isAsked(incident: string): Promise<boolean> {
    return (await this.item(`incident#${incident}`, 'orders'))?.approval !== undefined;
  }

  async snapshots(region: Region): Promise<DBSnapshot[]> {
    return this.rds(
      region,
      async (client) => (await client.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'manual' }))).DBSnapshots ?? [],
    );
  }

  async instances(region: Region): Promise<DBInstance[]> {
    return this.rds(region, async (client) => (await client.send(new DescribeDBInstancesCommand({}))).DBInstances ?? []);
  }

  /** Restored copies that are still there. */
  async copies(region: Region): Promise<DBInstance[]> {
    const isOurs = ({ DBInstanceIdentifier = '' }: DBInstance) => DBInstanceIdentifier.startsWith(`lifeboat-${this.environment}-`);
    return (await this.instances(region)).filter(isOurs);
  }

  /** An instance as RDS describes it; nothing where there is none of that name. */
  async instance(region: Region, identifier: string): Promise<DBInstance | undefined> {
    return (await this.instances(region)).find(({ DBInstanceIdentifier }) => DBInstanceIdentifier === identifier);
  }

  /** As a person with RDS's API. */
  async rds<T>(region: Region, work: (client: RDSClient) => Promise<T>): Promise<T> {
    const client = new RDSClient(asPerson(this.drill.lab, region));
    return work(client).finally(() => client.destroy());
  }
}
