import type { Rows } from '../postgres/server.ts';
import type { Region } from '../types.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Database } from './database.ts';

/** An instance as the judge and the fault injector see it: past the API, past the network, as superuser. */
export class LabInstance {
  constructor(
    private readonly control: ControlPlane,
    private readonly database: Database,
  ) {}

  get region(): Region {
    return this.database.region;
  }

  get identifier(): string {
    return this.database.identifier;
  }

  get status(): string {
    return this.database.status;
  }

  /** Every status it has had, the present one last. */
  get statuses(): readonly string[] {
    return this.database.statuses;
  }

  /** The name its clients use. */
  get host(): string {
    return this.control.endpoints.host(this.database);
  }

  /** The postmaster's process id, while it runs. */
  get pid(): number | undefined {
    return this.database.server.pid;
  }

  /** The server's own port on loopback. A restart may change it. */
  get port(): number {
    return this.database.server.port;
  }

  get running(): boolean {
    return this.database.server.running;
  }

  /** SIGKILL to all its processes. It stays down until `start`, or until its region returns from a blackout. */
  async crash(): Promise<void> {
    await this.database.exclusive(() => this.database.server.crash());
  }

  /** Starts it again with what it had. */
  async start(): Promise<void> {
    await this.control.bringUp(this.database);
  }

  /** One statement as superuser, in the database that the instance was created with. */
  async query(sql: string, values: unknown[] = [], database = this.database.attributes.DBName ?? 'postgres'): Promise<Rows> {
    return this.database.server.query(sql, values, database);
  }
}
