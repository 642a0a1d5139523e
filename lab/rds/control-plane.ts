import type { CertificateAuthority } from '../postgres/certificate.ts';
import type { Installation } from '../postgres/server.ts';
import { dropSlotsExcept, isStandby } from '../postgres/standby.ts';
import type { Network, Region } from '../types.ts';
import type { World } from '../world.ts';
import type { AutomatedBackup } from './automated-backup.ts';
import { Background } from './background.ts';
import { type Attributes, Database } from './database.ts';
import type { Durations } from './durations.ts';
import { Endpoints } from './endpoints.ts';
import { instanceNotFound, instanceQuotaExceeded, invalidInstanceState } from './errors.ts';
import { arn, endpointHost, parseReference } from './names.ts';
import type { Quotas } from './quotas.ts';
import { Serial } from './serial.ts';
import type { Snapshot } from './snapshot.ts';

export interface ControlPlaneOptions {
  world: World;
  network: Network;
  installation: Installation;
  /** Signs the servers' certificates. */
  authority: CertificateAuthority;
  /** Where servers and snapshots are kept. */
  directory: string;
  accountId: string;
  durations: Durations;
  /** As they are now: they may be changed at any time. */
  quotas: Quotas;
}

/** Something that happened to an instance, in a sentence. */
export interface DatabaseEvent {
  at: Date;
  region: Region;
  identifier: string;
  message: string;
}

const MAX_EVENTS = 1000;

/** What all actions work on: the instances and snapshots of all regions, and the workflows that change them in the background. */
export class ControlPlane {
  readonly databases = new Set<Database>();
  readonly snapshots = new Set<Snapshot>();
  readonly automatedBackups = new Set<AutomatedBackup>();
  /** Security groups that let nobody in. */
  readonly isolating = new Set<string>();
  readonly events: DatabaseEvent[] = [];
  readonly endpoints: Endpoints;
  readonly background: Background;
  /** Copies of one instance's snapshots to one region wait for each other. */
  readonly copies = new Serial();

  constructor(readonly options: ControlPlaneOptions) {
    this.endpoints = new Endpoints(options.network, options.accountId);
    this.background = new Background(options.world);
  }

  get durations(): Durations {
    return this.options.durations;
  }

  get quotas(): Quotas {
    return this.options.quotas;
  }

  /** How many of these are in a region. */
  in(region: Region, all: Iterable<{ region: Region }>): number {
    return [...all].filter((one) => one.region === region).length;
  }

  find(region: Region, identifier: string): Database | undefined {
    return [...this.databases].find((database) => database.region === region && database.identifier === identifier);
  }

  findSnapshot(region: Region, identifier: string, owner: string): Snapshot | undefined {
    return this.snapshotsOf(owner).find((snapshot) => snapshot.region === region && snapshot.identifier === identifier);
  }

  snapshotsOf(owner: string): Snapshot[] {
    return [...this.snapshots].filter(({ account }) => account === owner);
  }

  /** Is a name in use by another instance, or about to be by its rename? */
  isTaken(region: Region, identifier: string, self?: Database): boolean {
    const here = [...this.databases].filter((database) => database.region === region && database !== self);
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

  /** A new instance in its region's registry; its workflow is the caller's to begin. */
  add(region: Region, identifier: string, attributes: Attributes, port: number): Database {
    if (this.in(region, this.databases) >= this.quotas.instances) throw instanceQuotaExceeded();
    const { directory, installation, authority, accountId } = this.options;
    const certificate = authority.certify([endpointHost('*', region, accountId)]);
    const database = new Database(region, identifier, attributes, port, { directory, installation, certificate });
    this.databases.add(database);
    return database;
  }

  /** Changes an instance in the background. Where a step fails the instance has failed, and the reason is among the events. */
  begin(database: Database, steps: () => Promise<void>, failed = 'failed'): void {
    database.busy = true;
    const workflow = steps()
      .catch((error: unknown) => {
        if (this.background.stopped) return;
        database.status = failed;
        this.record(database, `The last operation failed: ${error instanceof Error ? error.message : String(error)}`);
      })
      .finally(() => {
        database.busy = false;
      });
    this.background.track(workflow);
  }

  /** Lets time pass in a region; while that is dark, none does. */
  async pause(region: Region, milliseconds: number): Promise<void> {
    await this.background.pause(region, milliseconds);
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
    if (database.listedOnly) return;
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
    if (!database.server.running) await database.server.start(database.backup?.archive.settings);
    this.endpoints.publish(database);
  }

  /** Lets a change of security groups take effect. */
  async applySecurityGroups(database: Database): Promise<void> {
    if (database.listedOnly) return;
    await database.exclusive(() => database.server.admit(this.admitsClients(database)));
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
    await this.background.stop();
    await Promise.all([...this.automatedBackups].map((backup) => backup.hangUp()));
    await Promise.all([...this.databases].map((database) => database.server.terminate()));
  }

  private admitsClients(database: Database): boolean {
    const groups = database.attributes.VpcSecurityGroups ?? [];
    return !groups.some(({ VpcSecurityGroupId: id }) => id !== undefined && this.isolating.has(id));
  }
}
