import { setTimeout as sleep } from 'node:timers/promises';
import type { Region, Zone } from '../types.ts';
import type { ProvisionedSite, ProvisionedWorkload } from '../workload/provision.ts';
import type { StubHost } from '../workload/stub-hosts.ts';
import type { WritingClient } from '../workload/writing-client.ts';
import type { DrillLab } from './drill-lab.ts';
import { untilExported } from './exports.ts';
import type { Execution, TimelineEvent } from './judge/evidence.ts';
import { acknowledged } from './judge/outage.ts';
import type { Progress } from './progress.ts';
import { query, untilRow } from './rows.ts';
import type { Watcher } from './watcher.ts';

export interface DrillParts {
  lab: DrillLab;
  workload: ProvisionedWorkload;
  /** Of Lifeboat's environments the one that is deployed. */
  environment: string;
  client: WritingClient;
  /** Starts a client inside a region, which writes to that region's own load balancer. */
  startInside: (region: Region) => WritingClient;
  watcher: Watcher;
  payments: StubHost;
  reference: StubHost;
  progress: Progress;
  signal: AbortSignal;
}

/** What a scenario works with: it breaks things, acts as a person would, and waits for what it expects, always with a bound. */
export class Drill {
  readonly parts: DrillParts;
  readonly primary: Region;
  readonly recovery: Region;
  readonly timeline: TimelineEvent[] = [];
  readonly moves: number[] = [];
  readonly insiders = new Map<Region, WritingClient>();
  faultAt?: number;
  failed?: { region: Region; at: number };

  constructor(parts: DrillParts) {
    this.parts = parts;
    this.primary = parts.workload.primary.region;
    this.recovery = parts.workload.recovery.region;
    parts.watcher.on('change', (text) => this.note(text, 'system'));
  }

  get environment(): string {
    return this.parts.environment;
  }

  get lab(): DrillLab {
    return this.parts.lab;
  }

  note(event: string, kind: TimelineEvent['kind'] = 'drill'): void {
    this.timeline.push({ at: Date.now(), event, kind });
    this.parts.progress.say(event);
  }

  /** Break something. The first fault starts the clock. */
  async fault(event: string, action: () => unknown): Promise<void> {
    this.parts.progress.phase(event);
    this.faultAt ??= Date.now();
    this.timeline.push({ at: Date.now(), event, kind: 'fault' });
    await action();
  }

  /** Mend what was broken. */
  async mend(event: string, action: () => unknown): Promise<void> {
    this.note(event, 'fault');
    await action();
  }

  /** A region goes dark: network, compute, databases, control plane. The workload is expected to move. */
  async blackout(region: Region): Promise<void> {
    await this.fault(`${region} goes dark`, () => {
      this.failed = { region, at: Date.now() };
      this.moves.push(Date.now());
      return this.lab.world.blackout(region);
    });
  }

  /** Have a client inside a region write to that region's load balancer from now on, whatever DNS says; a standby refuses it. */
  inside(region: Region): WritingClient {
    const client = this.insiders.get(region) ?? this.parts.startInside(region);
    this.insiders.set(region, client);
    return client;
  }

  /** The client inside a region gets so many orders acknowledged by it. */
  async writesInside(region: Region, count: number, boundMs: number): Promise<void> {
    this.parts.progress.phase(`${count} orders are acknowledged inside ${region}`);
    await this.inside(region).acknowledges(count, { boundMs, signal: this.parts.signal });
    this.note(`${count} orders acknowledged inside ${region}`);
  }

  /** So many orders in a row are not acknowledged to the client inside a region: nobody writes there any more. */
  async refusedInside(region: Region, count: number, boundMs: number): Promise<void> {
    const { watcher, signal, progress } = this.parts;
    const what = `${count} orders in a row are refused inside ${region}`;
    progress.phase(`Until ${what}`);
    const { attempts } = this.inside(region);
    const seen = () => (attempts.length >= count && attempts.slice(-count).every(({ acknowledged: yes }) => !yes)) || undefined;
    await watcher.until(what, seen, boundMs, signal);
  }

  /** Cut a region from all these zones, in both directions; what is inside it stays alive. Returns what heals it. */
  isolate(region: Region, from: readonly Zone[]): () => void {
    const { world } = this.lab;
    for (const zone of from) world.cut(region, zone);
    return () => {
      for (const zone of from) world.heal(region, zone);
    };
  }

  /** All zones but this region. */
  others(region: Region): Zone[] {
    return [...this.lab.world.regions.filter((other) => other !== region), 'internet'];
  }

  /** Ask the machine of a site to start, as a person would; returns the execution's ARN. */
  async start(region: Region, input: object): Promise<string> {
    this.note(`A person starts the machine in ${region}: ${JSON.stringify(input)}`);
    return this.parts.watcher.wire(region).start(input);
  }

  /** Wait for the end of one execution. */
  async ends(arn: string, boundMs: number): Promise<Execution> {
    return this.ended((run) => run.arn === arn, `execution ${arn.split(':').at(-1)} ends`, boundMs);
  }

  /** Wait until some execution that began after the fault is as wanted. */
  async run(what: string, wanted: (run: Execution) => boolean, boundMs: number): Promise<Execution> {
    const { watcher, signal, progress } = this.parts;
    progress.phase(`Until ${what}`);
    const mine = (run: Execution) => run.startedAt >= (this.faultAt ?? 0) && wanted(run);
    return watcher.until(what, () => watcher.executions.find(mine), boundMs, signal);
  }

  /** Let time pass in which something must not happen: the length is what the scenario is about. */
  async pass(seconds: number, why: string): Promise<void> {
    this.parts.progress.phase(`${seconds} s: ${why}`);
    await sleep(seconds * 1_000, undefined, { signal: this.parts.signal });
  }

  /** Ask the machine of a site to pull the workload to itself, as a person would from the console, and wait for its end. */
  async switchover(to: Region, reason: string, boundMs: number): Promise<Execution> {
    await this.fault(`A person asks ${to} for a switchover`, () => undefined);
    this.faultAt = Date.now();
    this.moves.push(this.faultAt);
    const arn = await this.parts.watcher.wire(to).start({ mode: 'switchover', workloads: ['orders'], reason });
    return this.ended((run) => run.arn === arn, `the switchover to ${to} ends`, boundMs);
  }

  /** Start the machine of a site with any input, and wait for its end; nothing is expected to move. */
  async request(to: Region, input: object, boundMs: number): Promise<Execution> {
    await this.fault(`A person gives ${to} the input ${JSON.stringify(input)}`, () => undefined);
    const arn = await this.parts.watcher.wire(to).start(input);
    return this.ended((run) => run.arn === arn, 'the execution ends', boundMs);
  }

  /** Wait for the end of a failover that began after the fault. */
  async failover(region: Region, boundMs: number): Promise<Execution> {
    const mine = (run: Execution) => run.region === region && run.startedAt >= (this.faultAt ?? 0);
    return this.ended(mine, `a failover in ${region} ends`, boundMs);
  }

  /** An alarm of a region, known by the end of its name, fires. */
  alarms(region: Region, nameEnd: string, boundMs: number): Promise<void> {
    return this.alarmIs(region, nameEnd, 'ALARM', boundMs);
  }

  /** An alarm of a region, known by the end of its name, is or comes into a state. */
  async alarmIs(region: Region, nameEnd: string, wanted: 'ALARM' | 'OK', boundMs: number): Promise<void> {
    const { watcher, signal, progress } = this.parts;
    const what = `alarm *${nameEnd} is ${wanted} in ${region}`;
    progress.phase(`Until ${what}`);
    await watcher.until(
      what,
      () => [...watcher.alarmStates(region)].some(([name, state]) => name.endsWith(nameEnd) && state === wanted) || undefined,
      boundMs,
      signal,
    );
  }

  /** The client gets so many orders acknowledged, by one site where it is named. */
  async writes(count: number, options: { site?: Region; boundMs: number }): Promise<void> {
    this.parts.progress.phase(`${count} orders are acknowledged${options.site ? ` by ${options.site}` : ''}`);
    await this.parts.client.acknowledges(count, { ...options, signal: this.parts.signal });
    this.note(`${count} orders acknowledged${options.site ? ` by ${options.site}` : ''}`);
  }

  /** An order that another region has acknowledged by now arrives in a region's database; where that was the writer, it waits for another one. */
  async replicates(to: Region, boundMs: number): Promise<void> {
    const { client, watcher, signal, progress } = this.parts;
    progress.phase(`Replication reaches ${to}`);
    const fromElsewhere = () => {
      const newest = acknowledged(client.attempts).at(-1);
      return newest?.site === to ? undefined : newest;
    };
    const { id } = await watcher.until(`an order is acknowledged elsewhere than in ${to}`, fromElsewhere, boundMs, signal);
    await untilRow(this.at(to), id, boundMs, signal);
    this.note(`order ${id} is in ${to}`);
  }

  /** RDS of a region has accepted a call. */
  async called(region: Region, action: string, boundMs: number): Promise<void> {
    const { watcher, signal, progress } = this.parts;
    const what = `${action} is accepted in ${region}`;
    progress.phase(`Until ${what}`);
    const seen = () =>
      this.lab.calls().some((call) => call.action === action && call.region === region && call.status === 200) || undefined;
    await watcher.until(what, seen, boundMs, signal);
  }

  /** The former writer that a region keeps has been searched for orders that the new writer never had. */
  async exported(region: Region, boundMs: number): Promise<void> {
    this.parts.progress.phase(`The former writer in ${region} is searched`);
    const { orders } = await untilExported(this.lab, region, boundMs, this.parts.signal);
    this.note(`${orders.length} orders that exist nowhere else were exported in ${region}`);
  }

  /** Run SQL as the master user of a region's database. */
  async sql(region: Region, text: string): Promise<void> {
    await query(this.at(region), text);
  }

  /** A database, its site and how to reach it. */
  at(region: Region): { network: DrillLab['network']; site: ProvisionedSite; workload: ProvisionedWorkload } {
    const { workload, lab } = this.parts;
    return { network: lab.network, workload, site: region === this.primary ? workload.primary : workload.recovery };
  }

  private async ended(which: (run: Execution) => boolean, what: string, boundMs: number): Promise<Execution> {
    const { watcher, signal, progress } = this.parts;
    progress.phase(`Until ${what}`);
    return watcher.until(what, () => watcher.executions.find((run) => which(run) && run.stoppedAt !== undefined), boundMs, signal);
  }
}
