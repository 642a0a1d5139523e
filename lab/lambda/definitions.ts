import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GetFunctionCommand, type GetFunctionCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import type { Region } from '../types.ts';
import { LambdaApiError } from './errors.ts';
import { FORWARD_VARIABLE } from './triggers.ts';
import { readZip } from './zip.ts';

const CALL_TIMEOUT_MS = 5_000;
/** How long a call waits for a newer definition of a function that is known. */
const STALE_WAIT_MS = 500;

/** What the lab needs to run a function, as its control plane knows it. */
export interface FunctionDefinition {
  region: Region;
  name: string;
  /** With the qualifier, where one was named. */
  arn: string;
  version: string;
  handler: string;
  memoryMb: number;
  timeoutSeconds: number;
  environment: Record<string, string>;
  /** Folder with the unpacked code. */
  taskRoot: string;
  reservedConcurrency?: number;
  deadLetterArn?: string;
  /** Changes with code or configuration; a sandbox serves one fingerprint only. */
  fingerprint: string;
}

export interface DefinitionOptions {
  endpoint: (region: Region) => string;
  stateDir: string;
  /** How long an answer of the control plane is good for; on AWS a change takes seconds to reach every sandbox, too. */
  freshMs?: number;
}

interface Cached {
  /** Epoch milliseconds. */
  freshUntil: number;
  definition: FunctionDefinition;
}

/** Function definitions, read from the engine that keeps them; code is downloaded and unpacked once per `CodeSha256`. */
export class Definitions {
  private readonly options: Required<DefinitionOptions>;
  private readonly clients = new Map<Region, LambdaClient>();
  private readonly cache = new Map<string, Cached>();
  private readonly pending = new Map<string, Promise<FunctionDefinition>>();

  constructor(options: DefinitionOptions) {
    this.options = { freshMs: 2_000, ...options };
  }

  /** A client of the engine itself, not of the gateway: reading a definition is the lab's own business and no workload's call. */
  client(region: Region): LambdaClient {
    let client = this.clients.get(region);
    if (!client) {
      const credentials = { accessKeyId: 'lambda-service', secretAccessKey: 'lab' };
      const requestHandler = { requestTimeout: CALL_TIMEOUT_MS, connectionTimeout: CALL_TIMEOUT_MS, throwOnRequestTimeout: true };
      client = new LambdaClient({ region, endpoint: this.options.endpoint(region), credentials, maxAttempts: 1, requestHandler });
      this.clients.set(region, client);
    }
    return client;
  }

  async get(region: Region, name: string, qualifier?: string): Promise<FunctionDefinition> {
    const key = `${region}/${name}:${qualifier ?? ''}`;
    const cached = this.cache.get(key);
    if (!cached) return this.refresh(key, region, name, qualifier);
    if (Date.now() < cached.freshUntil) return cached.definition;
    // Invoking is data plane: a control plane that is slow or down does not stop functions that are known.
    const known = delay(STALE_WAIT_MS, cached.definition, { ref: false });
    return Promise.race([this.refresh(key, region, name, qualifier), known]).catch((error: unknown) => {
      if (error instanceof LambdaApiError) throw error;
      return cached.definition;
    });
  }

  stop(): void {
    for (const client of this.clients.values()) client.destroy();
    this.clients.clear();
  }

  /** Reads a definition anew; calls for the same one share the answer. */
  private refresh(key: string, region: Region, name: string, qualifier?: string): Promise<FunctionDefinition> {
    const pending = this.pending.get(key);
    if (pending) return pending;
    const reading = this.read(region, name, qualifier)
      .then((definition) => {
        this.cache.set(key, { freshUntil: Date.now() + this.options.freshMs, definition });
        return definition;
      })
      .catch((error: unknown) => {
        if (error instanceof LambdaApiError) this.cache.delete(key);
        throw error;
      })
      .finally(() => this.pending.delete(key));
    // The last caller may have stopped waiting by the time that it fails.
    reading.catch(() => undefined);
    this.pending.set(key, reading);
    return reading;
  }

  private async read(region: Region, name: string, qualifier?: string): Promise<FunctionDefinition> {
    const answer = await this.client(region)
      .send(new GetFunctionCommand({ FunctionName: name, Qualifier: qualifier }))
      .catch((error: Error) => {
        if (error.name !== 'ResourceNotFoundException') throw error;
        throw new LambdaApiError(error.name, 404, error.message, { Type: 'User' });
      });
    const config = answer.Configuration ?? {};
    delete config.Environment?.Variables?.[FORWARD_VARIABLE];
    return {
      region,
      name,
      arn: config.FunctionArn ?? '',
      version: config.Version ?? '$LATEST',
      handler: config.Handler ?? 'index.handler',
      memoryMb: config.MemorySize ?? 128,
      timeoutSeconds: config.Timeout ?? 3,
      environment: config.Environment?.Variables ?? {},
      taskRoot: await this.unpack(region, answer),
      reservedConcurrency: answer.Concurrency?.ReservedConcurrentExecutions,
      deadLetterArn: config.DeadLetterConfig?.TargetArn,
      fingerprint: fingerprintOf(answer),
    };
  }

  private async unpack(region: Region, answer: GetFunctionCommandOutput): Promise<string> {
    const sha = answer.Configuration?.CodeSha256 ?? '';
    const folder = join(this.options.stateDir, 'code', 'lambda', Buffer.from(sha, 'base64').toString('hex'));
    if (existsSync(folder)) return folder;
    const archive = await this.download(region, answer.Code?.Location);
    const actual = createHash('sha256').update(archive).digest('base64');
    // The engine serves the newest code whatever version is asked for: better no code than another version's.
    if (actual !== sha)
      throw new Error(`code of ${answer.Configuration?.FunctionArn} has SHA-256 ${actual}, its configuration says ${sha}`);
    const partial = `${folder}.${process.pid}.${Date.now()}`;
    for (const { path, data } of readZip(archive)) {
      mkdirSync(dirname(join(partial, path)), { recursive: true });
      writeFileSync(join(partial, path), data);
    }
    if (existsSync(folder)) rmSync(partial, { recursive: true });
    else renameSync(partial, folder);
    return folder;
  }

  /** `Code.Location` names the engine by a host of its own choice: keep the path, go to the endpoint we know. */
  private async download(region: Region, location = ''): Promise<Buffer> {
    const { pathname, search } = new URL(location);
    const response = await fetch(new URL(pathname + search, this.options.endpoint(region)), {
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`download of ${pathname}: HTTP ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }
}

function fingerprintOf({ Configuration: config }: GetFunctionCommandOutput): string {
  const parts = [config?.CodeSha256, config?.Version, config?.Handler, config?.MemorySize, config?.Timeout, config?.Environment?.Variables];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
