import { randomBytes } from 'node:crypto';
import { CreateClusterCommand, CreateServiceCommand, ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import {
  CreateDBInstanceCommand,
  CreateDBInstanceReadReplicaCommand,
  type DBInstance,
  DescribeDBInstancesCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { CreateHostedZoneCommand, Route53Client } from '@aws-sdk/client-route-53';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import pg from 'pg';
import type { Network, Region, Zone } from '../types.ts';
import { TABLES } from './schema.ts';
import { PAYMENTS_HOST } from './stub-hosts.ts';

/** The image's name in the task definitions; the lab's ECS is given the command for it. */
export const ORDERS_IMAGE = 'lifeboat-demo/orders-service:1';
export const PUBLIC_NAME = 'orders.demo.example.com';
export const MASTER_USER = 'lifeboat_admin';
/** A security group without a rule, of one name in both regions. */
export const ISOLATING_GROUP = 'sg-0150a7e0';
export const APPLICATION_ROLE = 'orders_app';
const AVAILABLE_WITHIN_MS = 120_000;
const POLL_MS = 250;

export interface ProvisionOptions {
  /** The gateway's URL for a caller in a zone. */
  endpoint: (zone: Zone) => string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  network: Network;
  sites?: { primary: Region; recovery: Region };
  primaryCount?: number;
  standbyCount?: number;
}

/** A site's database, and its load balancer, as the user knows them. */
export interface ProvisionedSite {
  region: Region;
  loadBalancerHost: string;
  instance: string;
  databaseHost: string;
  databasePort: number;
}

export interface ProvisionedWorkload {
  primary: ProvisionedSite;
  recovery: ProvisionedSite;
  hostedZoneId: string;
  masterPassword: string;
  /** Of databases that are kept from before it was changed. */
  formerMasterPassword?: string;
  applicationPassword: string;
}

/**
 * What the user owns before Lifeboat comes: databases, secrets, services and a zone, made through the AWS API as the user would.
 * The workload has no DNS records yet: traffic is Lifeboat's.
 */
export async function provisionWorkload(options: ProvisionOptions): Promise<ProvisionedWorkload> {
  const sites = options.sites ?? { primary: 'us-east-1', recovery: 'us-west-2' };
  const masterPassword = randomBytes(12).toString('hex');
  const applicationPassword = randomBytes(12).toString('hex');
  const context: Context = { ...options, sites, masterPassword, applicationPassword };
  const [databases, hostedZoneId] = await Promise.all([createDatabases(context), createZone(context), createSecrets(context)]);
  await Promise.all([
    createService(context, databases.primary, options.primaryCount ?? 2),
    createService(context, databases.recovery, options.standbyCount ?? 0),
  ]);
  return { ...databases, hostedZoneId, masterPassword, applicationPassword };
}

interface Context extends ProvisionOptions {
  sites: { primary: Region; recovery: Region };
  masterPassword: string;
  applicationPassword: string;
}

/** Client settings of a caller who stands outside the regions. */
const config = (context: Context, region: Region) => ({ region, endpoint: context.endpoint('internet'), credentials: context.credentials });

async function createDatabases(context: Context): Promise<{ primary: ProvisionedSite; recovery: ProvisionedSite }> {
  const { primary, recovery } = context.sites;
  const home = new RDSClient(config(context, primary));
  const away = new RDSClient(config(context, recovery));
  try {
    await home.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: 'orders-primary',
        Engine: 'postgres',
        DBInstanceClass: 'db.t4g.medium',
        AllocatedStorage: 20,
        DBName: 'orders',
        MasterUsername: MASTER_USER,
        MasterUserPassword: context.masterPassword,
        BackupRetentionPeriod: 7,
        StorageEncrypted: true,
        KmsKeyId: keyOf(primary),
      }),
    );
    const source = await available(home, 'orders-primary');
    await createSchema(context, siteOf(primary, source));
    await away.send(
      new CreateDBInstanceReadReplicaCommand({
        DBInstanceIdentifier: 'orders-replica',
        SourceDBInstanceIdentifier: source.DBInstanceArn,
        KmsKeyId: keyOf(recovery),
      }),
    );
    const replica = await available(away, 'orders-replica');
    return { primary: siteOf(primary, source), recovery: siteOf(recovery, replica) };
  } finally {
    home.destroy();
    away.destroy();
  }
}

/** The user's own key in a region: whoever has RDS use it in his name needs a right on it, as he does not for the key that RDS brings. */
const keyOf = (region: Region): string => `arn:aws:kms:${region}:000000000000:key/0bde0000-0000-4000-8000-000000000000`;

const siteOf = (region: Region, instance: DBInstance): ProvisionedSite => ({
  region,
  loadBalancerHost: `orders.${region}.elb.amazonaws.com`,
  instance: instance.DBInstanceIdentifier ?? '',
  databaseHost: instance.Endpoint?.Address ?? '',
  databasePort: instance.Endpoint?.Port ?? 5432,
});

async function available(client: RDSClient, DBInstanceIdentifier: string): Promise<DBInstance> {
  const deadline = Date.now() + AVAILABLE_WITHIN_MS;
  for (;;) {
    const { DBInstances } = await client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier }));
    const instance = DBInstances?.[0];
    if (instance?.DBInstanceStatus === 'available' && instance.Endpoint?.Address) return instance;
    if (Date.now() > deadline) throw new Error(`${DBInstanceIdentifier} is ${instance?.DBInstanceStatus} after ${AVAILABLE_WITHIN_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function createSchema(context: Context, site: ProvisionedSite): Promise<void> {
  const port = await context.network.route(site.region, site.databaseHost, site.databasePort);
  const { masterPassword: password, applicationPassword } = context;
  const client = new pg.Client({ host: '127.0.0.1', port, user: MASTER_USER, password, database: 'orders', query_timeout: 10_000 });
  await client.connect();
  try {
    await client.query(`CREATE ROLE ${APPLICATION_ROLE} LOGIN PASSWORD ${client.escapeLiteral(applicationPassword)}`);
    await client.query(TABLES);
  } finally {
    await client.end();
  }
}

async function createZone(context: Context): Promise<string> {
  const client = new Route53Client(config(context, 'us-east-1'));
  try {
    const zone = await client.send(new CreateHostedZoneCommand({ Name: 'demo.example.com', CallerReference: `demo-${Date.now()}` }));
    return zone.HostedZone?.Id?.replace('/hostedzone/', '') ?? '';
  } finally {
    client.destroy();
  }
}

async function createSecrets(context: Context): Promise<void> {
  const SecretString = JSON.stringify({ username: MASTER_USER, password: context.masterPassword });
  await Promise.all(
    Object.values(context.sites).map(async (region) => {
      const client = new SecretsManagerClient(config(context, region));
      await client.send(new CreateSecretCommand({ Name: 'orders/database', SecretString })).finally(() => client.destroy());
    }),
  );
}

async function createService(context: Context, site: ProvisionedSite, desiredCount: number): Promise<void> {
  const client = new ECSClient(config(context, site.region));
  try {
    await client.send(new CreateClusterCommand({ clusterName: 'orders' }));
    const { taskDefinition } = await client.send(new RegisterTaskDefinitionCommand(taskDefinitionOf(context, site)));
    await client.send(
      new CreateServiceCommand({
        cluster: 'orders',
        serviceName: 'orders',
        launchType: 'FARGATE',
        taskDefinition: taskDefinition?.taskDefinitionArn,
        desiredCount,
        loadBalancers: [{ loadBalancerName: 'orders', containerName: 'orders', containerPort: 8080 }],
      }),
    );
  } finally {
    client.destroy();
  }
}

function taskDefinitionOf(context: Context, site: ProvisionedSite) {
  const environment = {
    DATABASE_HOST: site.databaseHost,
    DATABASE_PORT: String(site.databasePort),
    DATABASE_NAME: 'orders',
    DATABASE_USER: APPLICATION_ROLE,
    DATABASE_PASSWORD: context.applicationPassword,
    THIRD_PARTY_URL: `http://${PAYMENTS_HOST}/`,
  };
  const container = {
    name: 'orders',
    image: ORDERS_IMAGE,
    memory: 512,
    essential: true,
    portMappings: [{ containerPort: 8080 }],
    environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
  };
  return { family: 'orders', networkMode: 'awsvpc' as const, cpu: '256', memory: '512', containerDefinitions: [container] };
}
