import type { Region } from '../types.ts';
import type { World } from '../world.ts';

/** Lets work wait while its region is dark: whoever calls into a dark region gets no answer, and nothing starts there. */
export class Daylight {
  private readonly world: World;
  private readonly waiting = new Set<{ region: Region; resolve: () => void; reject: (reason: Error) => void }>();
  private stopped = false;

  constructor(world: World) {
    this.world = world;
    world.onChange(() => this.look());
  }

  /** Resolves when the region is lit, at once if it is; rejects when the lab stops. */
  until(region: Region): Promise<void> {
    if (this.stopped) return Promise.reject(new Error('the lab has stopped'));
    if (!this.world.isDark(region)) return Promise.resolve();
    return new Promise((resolve, reject) => this.waiting.add({ region, resolve, reject }));
  }

  stop(): void {
    this.stopped = true;
    for (const { reject } of this.waiting) reject(new Error('the lab has stopped'));
    this.waiting.clear();
  }

  private look(): void {
    for (const waiter of this.waiting) {
      if (this.world.isDark(waiter.region)) continue;
      this.waiting.delete(waiter);
      waiter.resolve();
    }
  }
}
