import {
  type AttributeDefinition,
  CreateTableCommand,
  DynamoDBClient,
  type GlobalSecondaryIndex,
  type KeySchemaElement,
  type LocalSecondaryIndex,
  ResourceInUseException,
  type StreamSpecification,
} from '@aws-sdk/client-dynamodb';
import type { Gateway } from '../gateway/gateway.ts';
import { resourcesOf, type Stack } from './assembly.ts';
import { labClient } from './client.ts';

interface GlobalTableProperties {
  TableName?: unknown;
  AttributeDefinitions: AttributeDefinition[];
  KeySchema: KeySchemaElement[];
  GlobalSecondaryIndexes?: GlobalSecondaryIndex[];
  LocalSecondaryIndexes?: LocalSecondaryIndex[];
  StreamSpecification?: StreamSpecification;
  Replicas: { Region: string }[];
  GlobalTableWitnesses?: { Region: string }[];
  MultiRegionConsistency?: string;
}

/**
 * Make the global tables of a stack. CloudFormation has made a table of this name in the stack's region, which nobody reaches any more:
 * from here on the name means the table that the gateway serves in all its regions. Returns the tables' names.
 */
export async function createGlobalTables(gateway: Gateway, stack: Stack): Promise<string[]> {
  const tables = resourcesOf(stack.template, 'AWS::DynamoDB::GlobalTable');
  return Promise.all(tables.map(([id, { Properties }]) => create(gateway, stack, id, Properties as unknown as GlobalTableProperties)));
}

async function create(gateway: Gateway, stack: Stack, id: string, table: GlobalTableProperties): Promise<string> {
  const { TableName, Replicas, GlobalTableWitnesses, MultiRegionConsistency } = table;
  if (typeof TableName !== 'string') throw new Error(`${stack.id}/${id}: the lab's global tables need a literal TableName.`);
  gateway.globalTable(TableName, {
    replicas: Replicas.map(({ Region }) => Region),
    witness: GlobalTableWitnesses?.[0]?.Region,
    consistency: MultiRegionConsistency === 'STRONG' ? 'strong' : 'eventual',
  });
  const { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, LocalSecondaryIndexes, StreamSpecification } = table;
  const stream = StreamSpecification && { ...StreamSpecification, StreamEnabled: true };
  const keys = { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, LocalSecondaryIndexes, StreamSpecification: stream };
  const client = new DynamoDBClient(labClient(gateway, stack.region));
  try {
    await client.send(new CreateTableCommand({ TableName, BillingMode: 'PAY_PER_REQUEST', ...keys }));
  } catch (error) {
    // A second deployment finds the table with its items.
    if (!(error instanceof ResourceInUseException)) throw error;
  } finally {
    client.destroy();
  }
  return TableName;
}
