import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  CreateDBInstanceCommand,
  type CreateDBInstanceCommandInput,
  CreateDBInstanceReadReplicaCommand,
  type DBInstance,
  DescribeDBInstancesCommand,
  DescribeEventsCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import pg from 'pg';
import { vi } from 'vitest';
import { LabNetwork } from '../../../lab/network/network.ts';
import { Supervisor } from '../../../lab/process/supervisor.ts';
import { type Durations, LAB_DURATIONS } from '../../../lab/rds/durations.ts';
import { RdsService } from '../../../lab/rds/service.ts';
import type { Region, Zone } from '../../../lab/types.ts';
import { World } from '../../../lab/world.ts';

export const EAST = 'us-east-1';
export const WEST = 'us-west-2';
export const ACCOUNT = '000000000000';
export const MASTER = { MasterUsername: 'orders_admin', MasterUserPassword: 'correct-horse-battery' };

/** Short enough for tests, long enough for a poll to see each status. */
const DURATIONS: Partial<Durations> = {
  react: 100,
  create: 20,
  createReplica: 20,
  backUp: 60,
  uploadLog: 200,
  replicateBackup: 200,
  modify: 120,
  rename: 60,
  promote: 120,
  reboot: 120,
};

/** A wait ends with its event. The bound is for what hangs, on a machine with much else to do. */
const WAIT_MS = 90_000;
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const FAILED = new Set(['failed', 'incompatible-restore']);

/** RDS behind a stand-in for the gateway, with the real network, the real processes and the real client. */
export class Harness {
  readonly world = new World([EAST, WEST]);
  readonly network = new LabNetwork({ world: this.world });
  readonly rds: RdsService;
  readonly durations: Durations = { ...LAB_DURATIONS, ...DURATIONS };
  private readonly clients = new Map<string, RDSClient>();
  private readonly connections: pg.Client[] = [];
  private readonly gateway;
  /** How many statuses of an instance were there when it was last waited for. */
  private readonly waitedFor = new Map<string, number>();

  private constructor(private readonly supervisor: Supervisor) {
    const { world, network } = this;
    this.rds = new RdsService({
      world,
      network,
      processes: supervisor,
      stateDir: supervisor.folder,
      accountId: ACCOUNT,
      durations: this.durations,
    });
    this.gateway = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const [, account, region = EAST] = /Credential=([^/]+)\/\d{8}\/([^/]+)\//.exec(request.headers.authorization ?? '') ?? [];
      const { method = 'POST', url = '/' } = request;
      const caller = { id: 1, at: Date.now(), source: region, principal: 'test', account };
      const call = { ...caller, region, service: 'rds', action: '', method, path: url, headers: {}, body: Buffer.concat(chunks) };
      const reply = await this.rds.handle(call);
      response.writeHead(reply.status, reply.headers).end(reply.body);
    });
  }

  static async start(): Promise<Harness> {
    const harness = new Harness(await Supervisor.start({ project: `rds-test-${randomUUID()}` }));
    await harness.network.start();
    harness.gateway.listen(0, '127.0.0.1');
    await once(harness.gateway, 'listening');
    return harness;
  }

  /** Where the lab keeps its files. */
  get folder(): string {
    return this.supervisor.folder;
  }

  /** Where RDS is called; an access key is the account's number. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.gateway.address() as AddressInfo).port}`;
  }

  /** A client of an account in a region. */
  client(region: Region, account = ACCOUNT): RDSClient {
    const key = `${account}/${region}`;
    const existing = this.clients.get(key);
    if (existing) return existing;
    const credentials = { accessKeyId: account, secretAccessKey: 'test' };
    const client = new RDSClient({ region, endpoint: this.endpoint, credentials, maxAttempts: 1 });
    this.clients.set(key, client);
    return client;
  }

  /** Makes an instance and waits until it is available. */
  async create(region: Region, identifier: string, settings: Partial<CreateDBInstanceCommandInput> = {}): Promise<DBInstance> {
    const size = { DBInstanceClass: 'db.t4g.micro', AllocatedStorage: 20 };
    const input = { DBInstanceIdentifier: identifier, Engine: 'postgres', DBName: 'orders', ...MASTER, ...size, ...settings };
    await this.client(region).send(new CreateDBInstanceCommand(input));
    await this.until(region, identifier, available);
    return this.describe(region, identifier);
  }

  async replicate(region: Region, identifier: string, source: DBInstance): Promise<DBInstance> {
    const input = { DBInstanceIdentifier: identifier, SourceDBInstanceIdentifier: source.DBInstanceArn };
    await this.client(region).send(new CreateDBInstanceReadReplicaCommand(input));
    await this.until(region, identifier, available);
    return this.describe(region, identifier);
  }

  async describe(region: Region, identifier: string): Promise<DBInstance> {
    const answer = await this.client(region).send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier }));
    return answer.DBInstances![0]!;
  }

  /**
   * Polls as a caller of AWS does, until the instance is as wanted. Returns the statuses that it had since it was last waited for, that one
   * first: as the lab knows them, for a poll between others' work may miss a short one.
   */
  async until(region: Region, identifier: string, wanted: (instance: DBInstance) => boolean, timeoutMs = WAIT_MS): Promise<string[]> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const instance = await this.describe(region, identifier);
      const { statuses } = this.rds.instance(region, instance.DBInstanceIdentifier!);
      const seen = statuses.slice(this.waitedFor.get(instance.DbiResourceId!) ?? 0);
      if (wanted(instance)) {
        this.waitedFor.set(instance.DbiResourceId!, statuses.length - 1);
        return seen;
      }
      if (FAILED.has(instance.DBInstanceStatus!) || Date.now() > deadline) throw new Error(await this.story(region, identifier, seen));
      await pause(10);
    }
  }

  private async story(region: Region, identifier: string, seen: string[]): Promise<string> {
    const answer = await this.client(region).send(new DescribeEventsCommand({ SourceIdentifier: identifier, SourceType: 'db-instance' }));
    const events = (answer.Events ?? []).map((event) => event.Message);
    return [`${identifier} went ${seen.join(', ')} and no further`, ...events].join('\n');
  }

  /** A connection as an application in `zone` makes it: by name, through the network, as an ordinary user. */
  async connect(zone: Zone, host: string, options: pg.ClientConfig = {}): Promise<pg.Client> {
    const port = await this.network.route(zone, host, 5432);
    const login = { user: MASTER.MasterUsername, password: MASTER.MasterUserPassword, database: 'orders' };
    const client = new pg.Client({ host: '127.0.0.1', port, ...login, connectionTimeoutMillis: 15_000, query_timeout: 15_000, ...options });
    client.on('error', () => {});
    this.connections.push(client);
    await client.connect();
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.clients.values()) client.destroy();
    this.gateway.close();
    await this.rds.stop();
    await this.network.stop();
    await Promise.allSettled(this.connections.map((client) => client.end()));
    await this.supervisor.stop();
    await rm(path.dirname(this.supervisor.folder), { recursive: true });
  }
}

export const available = (instance: DBInstance): boolean => instance.DBInstanceStatus === 'available';

/** Waits for something in the databases; bounded. */
export async function eventually(check: () => Promise<boolean>, timeoutMs = WAIT_MS): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not so within ${timeoutMs} ms: ${check}`);
    await pause(10);
  }
}
