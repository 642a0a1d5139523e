import { setTimeout as sleep } from 'node:timers/promises';
import type { Installation } from '../postgres/server.ts';
import { dropSlotsExcept, isStandby } from '../postgres/standby.ts';
import type { Network, Region } from '../types.ts';
import type { World } from '../world.ts';
import type { Database } from './database.ts';
import type { Durations } from './durations.ts';
import { instanceNotFound, invalidInstanceState } from './errors.ts';
import { arn, endpointHost, parseReference } from './names.ts';
import type { Snapshot } from './snapshot.ts';

export interface ControlPlaneOptions {
  world: World;
  network: Network;
  installation: Installation;
  /** Where servers and snapshots are kept. */
  directory: string;
  accountId: string;
  durations: Durations;
}

/** Something that happened to an instance, in a sentence. */
export interface DatabaseEvent {
  at: Date;
  region: Region;
  identifier: string;
  message: string;
}

const REPLICATION_PORT = 5432;
const MAX_EVENTS = 1000;

/** What all actions work on: the instances and snapshots of all regions, and the workflows that change them in the background. */
export class ControlPlane {
  readonly databases = new Set<Database>();
  readonly snapshots = new Set<Snapshot>();
  /** Security groups that let nobody in. */
  readonly isolating = new Set<string>();
  readonly events: DatabaseEvent[] = [];
  private readonly work = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private worldChanged: PromiseWithResolvers = withResolvers();

  constructor(readonly options: ControlPlaneOptions) {
    options.world.onChange(() => {
      this.worldChanged.resolve();
      this.worldChanged = withResolvers();
    });
  }

  get durations(): Durations {
    return this.options.durations;
  }

  find(region: Region, identifier: string): Database | undefined {
    return [...this.databases].find((database) => database.region === region && database.identifier === identifier);
  }

  findSnapshot(region: Region, identifier: string): Snapshot | undefined {
    return [...this.snapshots].find((snapshot) => snapshot.region === region && snapshot.identifier === identifier);
  }

  /** Is a name in use, or about to be by a rename? */
  isTaken(region: Region, identifier: string): boolean {
    const here = [...this.databases].filter((database) => database.region === region);
    return here.some((database) => database.identifier === identifier || database.pending.DBInstanceIdentifier === identifier);
  }

  /** The instance that an identifier in the called region, or an ARN, names. */
  get(region: Region, reference: string | undefined): Database {
    const { region: where, name } = parseReference(reference ?? '', 'db', region);
    const database = this.find(where, name);
    if (!database) throw instanceNotFound(name);
    return database;
  }

  /** An instance that is ready for a change. */
  getAvailable(region: Region, reference: string | undefined): Database {
    const database = this.get(region, reference);
    if (database.status === 'available' && !database.busy) return database;
    throw invalidInstanceState(`Database instance is not in available state: ${database.identifier} is ${database.status}.`);
  }

  replicasOf(source: Database): Database[] {
    return [...this.databases].filter((database) => database.source === source);
  }

  arn(database: Database): string {
    return arn(database.region, this.options.accountId, 'db', database.identifier);
  }

  endpointHost(database: Database): string {
    return endpointHost(database.identifier, database.region, this.options.accountId);
  }

  /** The name under which replicas reach an instance. It does not change with the identifier, and nobody else knows it. */
  replicationHost(database: Database): string {
    return endpointHost(`${database.resourceId.toLowerCase()}-replication`, database.region, this.options.accountId);
  }

  /** The loopback port by which a replica reaches its source: through the link between their regions. */
  async replicationRoute(replica: Database, source: Database): Promise<number> {
    return this.options.network.route(replica.region, this.replicationHost(source), REPLICATION_PORT);
  }

  /** Changes an instance in the background. Where a step fails the instance has failed, and the reason is among the events. */
  begin(database: Database, steps: () => Promise<void>): void {
    database.busy = true;
    const workflow = steps()
      .catch((error: unknown) => {
        if (this.stopping.signal.aborted) return;
        database.status = 'failed';
        this.record(database, `The last operation failed: ${error instanceof Error ? error.message : String(error)}`);
      })
      .finally(() => {
        database.busy = false;
      });
    this.track(workflow);
  }

  /** Keeps in mind what runs in the background, so that `stop` can wait for its end. */
  track(work: Promise<void>): void {
    const tracked = work.catch(() => {}).finally(() => this.work.delete(tracked));
    this.work.add(tracked);
  }

  /** Lets time pass in an instance's region; while that is dark, none does. */
  async pause(region: Region, milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.stopping.signal });
    while (this.options.world.isDark(region)) await this.untilWorldChanges();
  }

  /** Sets a status and keeps it for at least this long. */
  async pass(database: Database, status: string, milliseconds: number): Promise<void> {
    database.status = status;
    await this.pause(database.region, milliseconds);
  }

  /** Works on an instance's server. What a blackout breaks off is done again when the region is back, so it must bear that. */
  async onServer<T>(database: Database, step: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.pause(database.region, 0);
      try {
        return await database.exclusive(step);
      } catch (error) {
        if (!this.options.world.isDark(database.region)) throw error;
      }
    }
  }

  /** Starts an instance's server, if it does not run, and publishes its names. */
  async bringUp(database: Database): Promise<void> {
    await this.onServer(database, () => this.startServer(database));
    await this.dropOrphanedSlots(database);
  }

  async bringDown(database: Database): Promise<void> {
    await database.exclusive(async () => {
      database.shouldRun = false;
      await database.server.stop();
    });
  }

  /** For the world's light: as `bringUp`, while the region still counts as dark. */
  async startServer(database: Database): Promise<void> {
    database.shouldRun = true;
    await database.server.admit(this.admitsClients(database));
    if (!database.server.running) await database.server.start();
    this.publish(database);
  }

  /** Lets a change of security groups take effect. */
  async applySecurityGroups(database: Database): Promise<void> {
    await database.exclusive(() => database.server.admit(this.admitsClients(database)));
  }

  withdraw(database: Database): void {
    for (const address of database.published.keys()) this.options.network.withdraw(...split(address));
    database.published.clear();
  }

  /** Frees the WAL that a primary keeps for replicas it no longer has. What cannot be done now is done at its next start. */
  async dropOrphanedSlots(database: Database): Promise<void> {
    const slots = this.replicasOf(database).map((replica) => replica.slot);
    await database
      .exclusive(async () => database.server.running && !(await isStandby(database.server)) && dropSlotsExcept(database.server, slots))
      .catch(() => {});
  }

  record(database: Database, message: string): void {
    this.events.push({ at: new Date(), region: database.region, identifier: database.identifier, message });
    if (this.events.length > MAX_EVENTS) this.events.shift();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.worldChanged.resolve();
    await Promise.all(this.work);
    await Promise.all([...this.databases].map((database) => database.exclusive(() => database.server.terminate())));
  }

  /** Resolves when the link between two regions is open. */
  async untilReachable(from: Region, to: Region): Promise<void> {
    while (!this.options.world.reaches(from, to)) await this.untilWorldChanges();
  }

  private async untilWorldChanges(): Promise<void> {
    await this.worldChanged.promise;
    this.stopping.signal.throwIfAborted();
  }

  private admitsClients(database: Database): boolean {
    const groups = database.attributes.VpcSecurityGroups ?? [];
    return !groups.some(({ VpcSecurityGroupId: id }) => id !== undefined && this.isolating.has(id));
  }

  /** Publishing resets connections, so only what changed is published. */
  private publish(database: Database): void {
    const { port } = database.server;
    const wanted = [`${this.endpointHost(database)}:${database.port}`, `${this.replicationHost(database)}:${REPLICATION_PORT}`];
    for (const address of database.published.keys()) {
      if (wanted.includes(address)) continue;
      this.options.network.withdraw(...split(address));
      database.published.delete(address);
    }
    for (const address of wanted) {
      if (database.published.get(address) === port) continue;
      const [host, publicPort] = split(address);
      this.options.network.publish(host, publicPort, database.region, port);
      database.published.set(address, port);
    }
  }
}

function split(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon), Number(address.slice(colon + 1))];
}

interface PromiseWithResolvers {
  promise: Promise<void>;
  resolve: () => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
