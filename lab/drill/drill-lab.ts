import type { Images } from '../ecs/model.ts';
import type { Fault } from '../gateway/faults.ts';
import type { UseOfRights } from '../iam/access.ts';
import type { Quotas } from '../rds/quotas.ts';
import type { CallRecord, Network, Processes, Region, Stoppable, Zone } from '../types.ts';
import type { World } from '../world.ts';

/** What a drill needs of the lab. `startLab` in `lab/lab.ts` makes it; tests make a small one. */
export interface DrillLab extends Stoppable {
  readonly world: World;
  readonly network: Network;
  readonly processes: Processes;
  /** Of this run; logs and data live in it. */
  readonly folder: string;
  /** Of the DNS server, UDP on loopback. */
  readonly dnsPort: number;
  /** The gateway's URL for callers in a zone. */
  endpoint(zone: Zone): string;
  /** Those of a person: calls made with them are recorded as `operator`. */
  readonly credentials: { accessKeyId: string; secretAccessKey: string };
  /** Another account, and its people's credentials: it keeps copies of backups. */
  readonly vault: { account: string; credentials: { accessKeyId: string; secretAccessKey: string } };
  /** Every AWS call so far. */
  calls(): readonly CallRecord[];
  /** Run Lifeboat's command line as a person who stands in a zone. */
  lifeboat(zone: Zone, region: Region, words: readonly string[], signal: AbortSignal): Promise<void>;
  /** Of the rights to change something that the deployment gave, those that a call has used, and the others. */
  useOfRights(): UseOfRights;
  /** What RDS allows the account in each region, from now on. */
  readonly rdsQuotas: Quotas;
  /** A security group of the user's that lets nobody in. */
  isolate(securityGroupId: string): Promise<void>;
  readonly faults: { add(fault: Fault): () => void; sharedControlPlanesDown(): () => void };
  /** Synthesise an environment of Lifeboat (`demo`) and deploy it with the real CDK CLI, telling what it does. */
  deploy(progress: (text: string) => void, signal: AbortSignal, environment?: string): Promise<void>;
  /** Deploy the other account's side of it, with that account's credentials. */
  deployVault(progress: (text: string) => void, signal: AbortSignal, environment: string): Promise<void>;
}

export interface DrillLabOptions {
  images: (folder: string) => Promise<Images>;
  /** Keep the run's folder after the next run. */
  keep: boolean;
  /** How long an idle sandbox of a function stays warm. */
  warmMs: number;
  /** No schedule and no alarm starts anything: what runs is what a person starts. */
  still?: boolean;
  progress: (text: string) => void;
  signal: AbortSignal;
}

export type StartLab = (options: DrillLabOptions) => Promise<DrillLab>;
