import { randomUUID } from 'node:crypto';
import {
  type CreateHealthCheckRequest,
  type HealthCheck,
  HealthCheckAlreadyExists,
  type HealthCheckConfig,
  type HealthCheckObservation,
  HealthCheckVersionMismatch,
  InvalidInput,
  NoSuchHealthCheck,
  type UpdateHealthCheckRequest,
} from '@aws-sdk/client-route-53';
import type { Network } from '../types.ts';
import { Checker } from './checker.ts';
import { type ProbeTimeouts, portOf, probe } from './probe.ts';

interface Entry {
  check: HealthCheck & { HealthCheckConfig: HealthCheckConfig };
  checkers: Checker[];
}

interface Options {
  network: Pick<Network, 'route'>;
  /** How long a second of the check's interval lasts. */
  secondMs: number;
  timeouts: ProbeTimeouts;
}

/** Where the checkers say they stand. Route 53 has about sixteen in eight regions. */
const CHECKERS: readonly Required<Pick<HealthCheckObservation, 'Region' | 'IPAddress'>>[] = [
  { Region: 'us-east-1', IPAddress: '192.0.2.1' },
  { Region: 'eu-west-1', IPAddress: '192.0.2.2' },
  { Region: 'ap-southeast-1', IPAddress: '192.0.2.3' },
];
const HEALTHY_SHARE = 0.18;
const PROBED_TYPES = ['HTTP', 'HTTPS', 'HTTP_STR_MATCH', 'HTTPS_STR_MATCH', 'TCP'];

/** Route 53's health checks and the checkers that do their work, from outside all regions. */
export class HealthChecks {
  private readonly entries = new Map<string, Entry>();
  private readonly options: Options;

  constructor(options: Options) {
    this.options = options;
  }

  has(id: string): boolean {
    return this.entries.has(id);
  }

  list(): HealthCheck[] {
    return [...this.entries.values()].map(({ check }) => check);
  }

  get(id: string): HealthCheck {
    return this.entry(id).check;
  }

  create({ CallerReference, HealthCheckConfig: given }: CreateHealthCheckRequest): HealthCheck {
    const config = complete(given!);
    const same = this.list().find((check) => check.CallerReference === CallerReference);
    if (same !== undefined) {
      if (JSON.stringify(same.HealthCheckConfig) === JSON.stringify(config)) return same;
      const message = `A health check with the caller reference ${CallerReference} exists with other settings.`;
      throw new HealthCheckAlreadyExists({ message, $metadata: {} });
    }
    const check = { Id: randomUUID(), CallerReference, HealthCheckConfig: config, HealthCheckVersion: 1 };
    this.entries.set(check.Id, { check, checkers: this.startCheckers(config) });
    return check;
  }

  async update(request: UpdateHealthCheckRequest): Promise<HealthCheck> {
    const { HealthCheckId, HealthCheckVersion, ResetElements, ...changes } = request;
    const entry = this.entry(HealthCheckId!);
    if (HealthCheckVersion !== undefined && HealthCheckVersion !== entry.check.HealthCheckVersion) {
      throw new HealthCheckVersionMismatch({ message: `The version is ${entry.check.HealthCheckVersion}.`, $metadata: {} });
    }
    const kept = Object.entries(entry.check.HealthCheckConfig).filter(([name]) => !ResetElements?.some((reset) => reset === name));
    const config = complete({ ...Object.fromEntries(kept), ...changes } as HealthCheckConfig);
    const before = entry.checkers;
    entry.check = { ...entry.check, HealthCheckConfig: config, HealthCheckVersion: entry.check.HealthCheckVersion! + 1 };
    entry.checkers = this.startCheckers(config, before);
    await Promise.all(before.map((checker) => checker.stop()));
    return entry.check;
  }

  async delete(id: string): Promise<void> {
    const { checkers } = this.entry(id);
    this.entries.delete(id);
    await Promise.all(checkers.map((checker) => checker.stop()));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.entries.values()].flatMap(({ checkers }) => checkers.map((checker) => checker.stop())));
  }

  /** The verdict that DNS acts on. A check that is gone counts as healthy, as one that never existed. */
  isHealthy(id: string): boolean {
    const entry = this.entries.get(id);
    if (entry === undefined) return true;
    const { Disabled, Inverted } = entry.check.HealthCheckConfig;
    const healthy = Disabled ? true : this.observedHealthy(entry);
    return Inverted ? !healthy : healthy;
  }

  /** What each checker saw last, or its last failure. Not inverted, as in Route 53. */
  observations(id: string, which: 'last' | 'lastFailure'): HealthCheckObservation[] {
    return this.entry(id).checkers.flatMap((checker, index) => {
      const seen = checker[which];
      return seen === undefined ? [] : [{ ...CHECKERS[index], StatusReport: { Status: seen.status, CheckedTime: seen.at } }];
    });
  }

  private observedHealthy({ check, checkers }: Entry): boolean {
    const { Type, ChildHealthChecks, HealthThreshold } = check.HealthCheckConfig;
    if (Type === 'CALCULATED') return ChildHealthChecks!.filter((child) => this.isHealthy(child)).length >= HealthThreshold!;
    return checkers.filter(({ healthy }) => healthy).length / checkers.length > HEALTHY_SHARE;
  }

  private startCheckers(config: HealthCheckConfig, before: Checker[] = []): Checker[] {
    if (config.Disabled || config.Type === 'CALCULATED') return [];
    const { network, secondMs, timeouts } = this.options;
    const host = config.IPAddress ?? config.FullyQualifiedDomainName!;
    const intervalMs = config.RequestInterval! * secondMs;
    return CHECKERS.map((_, index) => {
      const schedule = { offsetMs: (index * intervalMs) / CHECKERS.length, intervalMs, failureThreshold: config.FailureThreshold! };
      const attempt = async (signal: AbortSignal) => probe(config, await network.route('internet', host, portOf(config)), timeouts, signal);
      return new Checker(schedule, attempt, before[index]?.healthy);
    });
  }

  private entry(id: string): Entry {
    const entry = this.entries.get(id);
    if (entry === undefined) throw new NoSuchHealthCheck({ message: `No health check exists with the specified ID ${id}.`, $metadata: {} });
    return entry;
  }
}

/** The configuration with Route 53's defaults; anything that it would refuse, or that the lab cannot do, is refused. */
function complete(config: HealthCheckConfig): HealthCheckConfig {
  const refuse = (message: string) => new InvalidInput({ message, $metadata: {} });
  if (config.Type === 'CALCULATED') {
    if (!config.ChildHealthChecks?.length || config.HealthThreshold === undefined) {
      throw refuse('A calculated health check needs ChildHealthChecks and HealthThreshold.');
    }
    return config;
  }
  if (!PROBED_TYPES.includes(config.Type!)) throw refuse(`The lab does not model health checks of type ${config.Type}.`);
  if (config.Type === 'TCP' && config.Port === undefined) throw refuse('A TCP health check needs a Port.');
  if (!config.FullyQualifiedDomainName && !config.IPAddress) throw refuse('FullyQualifiedDomainName or IPAddress is required.');
  if (config.Type!.endsWith('STR_MATCH') !== Boolean(config.SearchString)) throw refuse('SearchString belongs to STR_MATCH checks only.');
  const { RequestInterval = 30, FailureThreshold = 3 } = config;
  if (![10, 30].includes(RequestInterval)) throw refuse('RequestInterval must be 10 or 30.');
  if (!(FailureThreshold >= 1 && FailureThreshold <= 10)) throw refuse('FailureThreshold must be from 1 to 10.');
  return { ...config, Port: portOf(config), RequestInterval, FailureThreshold };
}
