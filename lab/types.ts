/**
 * The words that the lab's parts share. The lab is a two-region AWS on loopback: a gateway that every AWS API call passes, engines
 * behind it, a network between named hosts, and a world that says which regions are dark and which links are cut.
 */

/** An AWS region's name, for example `us-east-1`. */
export type Region = string;

/** Where a caller stands: in a region, or outside all of them (the public's clients, Route 53's checkers, a person's laptop). */
export type Zone = Region | 'internet';

/** One AWS API request, as the gateway understood it from the SigV4 scope and the protocol. */
export interface AwsCall {
  /** Grows by one with each call of a lab. */
  id: number;
  /** Epoch milliseconds of arrival. */
  at: number;
  /** Where the caller stands, known from the port on which the request arrived. */
  source: Zone;
  /** The region that is called: the SigV4 scope's. */
  region: Region;
  /** SigV4 signing name: `rds`, `states`, `monitoring`, `dynamodb`, `s3`, `ecs`, ... */
  service: string;
  /** The operation as the service names it, for example `PromoteReadReplica`; for S3 and other REST services method and path. */
  action: string;
  /** Who calls: a Lambda function's name, or a name that the lab gave to an access key (`cdk`, `lab`, `operator`). */
  principal: string;
  /** Of the caller's credentials; left out, the account that Lifeboat runs in. */
  account?: string;
  method: string;
  /** Path with query, as received. */
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface AwsReply {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** A service that the lab implements itself, behind the gateway. Throwing is a 500 `InternalFailure`. */
export type AwsService = (call: AwsCall) => Promise<AwsReply>;

/** What is kept of each call, for the judge. */
export interface CallRecord {
  id: number;
  at: number;
  durationMs: number;
  source: Zone;
  region: Region;
  service: string;
  action: string;
  principal: string;
  status: number;
  /** AWS error code, where the answer was an error, or `Blackout`, `LinkCut` where no answer came. */
  error?: string;
  /** The fault that the lab injected, where it did. */
  injected?: string;
  /** The status that the call truly had, where the lab told its caller something else. */
  served?: number;
  /** ARN of the first resource that a function's request names. */
  resource?: string;
  /** Partition keys of a function's DynamoDB request. */
  keys?: readonly string[];
  /** Why the function's role does not allow the call, where it does not. */
  denied?: string;
}

/** Anything the lab starts; stopped in the reverse order of starting. */
export interface Stoppable {
  stop(): Promise<void>;
}

/** The network between named hosts: real names everywhere, loopback underneath. Built in `lab/network/`. */
export interface Network {
  /** Make `host:port` known as standing in `zone`; connections to it end at 127.0.0.1:`targetPort`. Publishing again moves it and resets old connections. */
  publish(host: string, port: number, zone: Zone, targetPort: number): void;
  withdraw(host: string, port: number): void;
  /** The loopback port by which callers in `from` reach `host:port`. The proxy behind it obeys the world's links at every moment, also for names unknown now. */
  route(from: Zone, host: string, port: number): Promise<number>;
  /** One-way delay added between two zones, in milliseconds. */
  delay(a: Zone, b: Zone, milliseconds: number): void;
  /** Callers in `from` reach this host no more: silence, as behind a security group that changed. Returns what opens the way again. */
  block(from: Zone, host: string): () => void;
  /** Environment variables that make a Node process in `zone` resolve and connect through this network (`NODE_OPTIONS` and what its preload reads). */
  environment(zone: Zone): Record<string, string>;
}

export interface SpawnOptions {
  /** For messages and the log file's name. */
  name: string;
  cwd?: string;
  /** Complete environment of the child (nothing is inherited but PATH, HOME and the run's marker). */
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
  /** Keep a pipe to the child's output instead of writing it to `<state>/logs/<name>.log`. */
  pipe?: boolean;
}

/** Starts child processes such that none outlives the lab, however the lab dies. Built in `lab/process/`. */
export interface Processes {
  spawn(command: string, args: readonly string[], options: SpawnOptions): import('node:child_process').ChildProcess;
}
