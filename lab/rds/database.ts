import path from 'node:path';
import type { DBInstance, PendingModifiedValues, Tag } from '@aws-sdk/client-rds';
import type { Certificate } from '../postgres/certificate.ts';
import { type Installation, PostgresServer } from '../postgres/server.ts';
import type { Region } from '../types.ts';
import type { AutomatedBackup } from './automated-backup.ts';
import { newResourceId } from './names.ts';

/** The members of a DBInstance that are settings; the rest is computed when it is described. */
export type Attributes = DBInstance &
  Required<
    Pick<DBInstance, 'DBInstanceClass' | 'MasterUsername' | 'BackupRetentionPeriod' | 'MultiAZ' | 'DeletionProtection' | 'StorageEncrypted'>
  >;

/** What an instance's server is made with. */
export interface ServerPlace {
  directory: string;
  installation: Installation;
  certificate: Certificate;
}

/** One DB instance: its record in the control plane, and the server behind it. */
export class Database {
  readonly resourceId = newResourceId();
  readonly server: PostgresServer;
  readonly tags = new Map<string, string>();
  /** Every status it has had, the present one last. */
  readonly statuses = ['creating'];
  /** A workflow is under way, whatever the status still says. */
  busy = false;
  /** Should its server run, as far as its owner is concerned? A dark region does not change that. */
  shouldRun = false;
  createdAt: Date | undefined;
  pending: PendingModifiedValues = {};
  /** What it replicates from; stays when the source is deleted, until it is promoted. */
  source: Database | undefined;
  deleted = false;
  /** Has no server, and never will. */
  listedOnly = false;
  /** While its backups are on; a replica's are not until it is promoted. */
  backup: AutomatedBackup | undefined;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    readonly region: Region,
    public identifier: string,
    readonly attributes: Attributes,
    readonly port: number,
    { directory, installation, certificate }: ServerPlace,
  ) {
    const name = `${identifier}.${region}`;
    this.server = new PostgresServer(name, path.join(directory, region, this.resourceId), installation, certificate);
  }

  get status(): string {
    return this.statuses.at(-1)!;
  }

  set status(next: string) {
    if (next !== this.status) this.statuses.push(next);
  }

  /** Runs actions on its server one after the other: a workflow's, a blackout's, the fault injector's. */
  exclusive<T>(action: () => Promise<T>): Promise<T> {
    const result = this.queue.then(action);
    this.queue = result.catch(() => {});
    return result;
  }

  /** Of the slot that keeps WAL for this replica at its source. */
  get slot(): string {
    return this.resourceId.toLowerCase().replaceAll('-', '_');
  }

  get tagList(): Tag[] {
    return [...this.tags].map(([Key, Value]) => ({ Key, Value }));
  }

  setTags(tags: readonly Tag[] = []): void {
    for (const { Key, Value } of tags) if (Key !== undefined) this.tags.set(Key, Value ?? '');
  }
}
