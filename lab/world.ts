import type { Region, Zone } from './types.ts';

/** Phases of a blackout, in this order: a cut network first, else a killed database still drains its socket buffers and nothing is lost. */
export type Phase = 'network' | 'compute' | 'data' | 'control';
const PHASES: readonly Phase[] = ['network', 'compute', 'data', 'control'];

interface Hook {
  phase: Phase;
  dark(region: Region): Promise<void> | void;
  light(region: Region): Promise<void> | void;
}

const link = (a: Zone, b: Zone): string => [a, b].sort().join('|');

/**
 * Which regions are dark and which links are cut. Every part of the lab asks `reaches` before it delivers anything from one zone to
 * another, and registers hooks to freeze, kill and revive what runs in a region.
 */
export class World {
  readonly regions: readonly Region[];
  private readonly darkRegions = new Set<Region>();
  private readonly cutLinks = new Set<string>();
  private readonly hooks: Hook[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(regions: readonly Region[]) {
    this.regions = regions;
  }

  /** Freeze or kill (`dark`) and revive (`light`) what runs in a region. Revived in the reverse order of the phases. */
  onBlackout(hook: Hook): void {
    this.hooks.push(hook);
  }

  /** Called after each change of links or regions, before the blackout's hooks. Use it to drop connections that may no longer exist. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  isDark(region: Region): boolean {
    return this.darkRegions.has(region);
  }

  /** Can a packet travel from one zone to another? Within a zone it can, unless the zone's region is dark. */
  reaches(from: Zone, to: Zone): boolean {
    return !this.darkRegions.has(from) && !this.darkRegions.has(to) && !this.cutLinks.has(link(from, to));
  }

  /** Cut the link between two zones in both directions; both stay alive. */
  cut(a: Zone, b: Zone): void {
    this.cutLinks.add(link(a, b));
    this.changed();
  }

  heal(a: Zone, b: Zone): void {
    this.cutLinks.delete(link(a, b));
    this.changed();
  }

  /** A whole region is gone: its network, then its compute, its databases, its control plane. */
  async blackout(region: Region): Promise<void> {
    this.darkRegions.add(region);
    this.changed();
    for (const phase of PHASES) {
      await Promise.all(this.hooks.filter((hook) => hook.phase === phase).map((hook) => hook.dark(region)));
    }
  }

  /** The region returns, as it was left: control plane first, network last. */
  async restore(region: Region): Promise<void> {
    for (const phase of [...PHASES].reverse()) {
      await Promise.all(this.hooks.filter((hook) => hook.phase === phase).map((hook) => hook.light(region)));
    }
    this.darkRegions.delete(region);
    this.changed();
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}
