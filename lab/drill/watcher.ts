import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { Region, Stoppable } from '../types.ts';
import { bounded } from '../workload/bounded.ts';
import type { DrillLab } from './drill-lab.ts';
import type { AlarmChange, Execution } from './judge/evidence.ts';
import { Wire } from './wire.ts';

/** A look that takes longer has failed; the next one follows. */
const LOOK_WITHIN_MS = 15_000;

/** Looks at Lifeboat's alarms and executions in both sites, as often as a person's console would, and tells what changed. */
export class Watcher extends EventEmitter<{ change: [string]; look: [] }> implements Stoppable {
  readonly alarms: AlarmChange[] = [];
  private readonly lab: DrillLab;
  private readonly wires: Map<Region, Wire>;
  private readonly states = new Map<string, string>();
  private readonly runs = new Map<string, Execution>();
  private readonly told = new Set<string>();
  private readonly stopping = new AbortController();
  private loop?: Promise<void>;
  /** Why the last look failed, by region; a look that succeeds clears it. */
  readonly blind = new Map<Region, string>();

  constructor(
    lab: DrillLab,
    regions: readonly Region[],
    private readonly lookMs: number,
  ) {
    super();
    this.setMaxListeners(50);
    this.lab = lab;
    this.wires = new Map(regions.map((region) => [region, new Wire(lab, region)]));
  }

  start(): void {
    this.loop = this.watch();
  }

  wire(region: Region): Wire {
    const wire = this.wires.get(region);
    if (!wire) throw new Error(`${region} is not watched`);
    return wire;
  }

  /** All executions seen, oldest first. */
  get executions(): Execution[] {
    return [...this.runs.values()].sort((a, b) => a.startedAt - b.startedAt);
  }

  /** States of the alarms of a region by name, as last seen. */
  alarmStates(region: Region): Map<string, string> {
    const own = [...this.states].filter(([key]) => key.startsWith(`${region} `));
    return new Map(own.map(([key, state]) => [key.slice(region.length + 1), state]));
  }

  /** Resolves with the first answer that is not undefined; asked after every look. */
  async until<T>(what: string, answer: () => T | undefined, boundMs: number, signal: AbortSignal): Promise<T> {
    const seen = async (bound: AbortSignal): Promise<T> => {
      for (;;) {
        const found = answer();
        if (found !== undefined) return found;
        await once(this, 'look', { signal: bound });
      }
    };
    return bounded(boundMs, signal, seen).catch(() => {
      signal.throwIfAborted();
      const blind = [...this.blind].map(([region, why]) => `; ${region} cannot be seen: ${why}`).join('');
      throw new Error(`${what}: not within ${Math.round(boundMs / 1_000)} s${blind}`);
    });
  }

  /** One look more, so that nothing of the last moments is missed. */
  async look(): Promise<void> {
    await Promise.all([...this.wires.values()].map((wire) => this.lookAt(wire)));
    this.emit('look');
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    for (const wire of this.wires.values()) wire.stop();
  }

  private async watch(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.look();
      await sleep(this.lookMs, undefined, { signal: this.stopping.signal }).catch(() => {});
    }
  }

  private async lookAt(wire: Wire): Promise<void> {
    if (this.lab.world.isDark(wire.region)) return;
    try {
      await bounded(LOOK_WITHIN_MS, this.stopping.signal, () => this.see(wire));
      this.blind.delete(wire.region);
    } catch (error) {
      this.blind.set(wire.region, error instanceof Error ? error.message : String(error));
    }
  }

  private async see(wire: Wire): Promise<void> {
    for (const alarm of await wire.alarms()) this.noteAlarm(wire.region, alarm);
    const ended = new Map([...this.runs].filter(([, run]) => run.stoppedAt !== undefined));
    for (const run of await wire.executions(ended)) this.noteRun(run);
  }

  private noteAlarm(region: Region, alarm: MetricAlarm): void {
    const { AlarmName: name = '', StateValue: state = '', StateUpdatedTimestamp: since } = alarm;
    const before = this.states.get(`${region} ${name}`);
    if (before === state) return;
    this.states.set(`${region} ${name}`, state);
    this.alarms.push({ at: since?.getTime() ?? Date.now(), region, name, state });
    if (before !== undefined || state === 'ALARM') this.emit('change', `${region}: alarm ${name} is ${state}`);
  }

  private noteRun(run: Execution): void {
    this.runs.set(run.arn, run);
    this.tell(run.arn, `${run.region}: execution ${run.name} started`);
    for (const [index, state] of run.states.entries()) {
      if (state.works) this.tell(`${run.arn} ${index}`, `${run.region}: ${state.name}`);
    }
    if (run.stoppedAt !== undefined)
      this.tell(`${run.arn} end`, `${run.region}: execution ${run.status}${run.cause ? ` (${run.cause.slice(0, 160)})` : ''}`);
  }

  private tell(key: string, text: string): void {
    if (this.told.has(key)) return;
    this.told.add(key);
    this.emit('change', text);
  }
}
