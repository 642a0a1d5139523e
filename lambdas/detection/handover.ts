import type { Observations } from '../kit/observations.ts';

/**
 * When a region's loop hands over to the next. A loop counts as begun only when its guards have reached the ledger: before that its
 * predecessor, which knows until when its lease surely counts, must not end, or nobody would fence in time.
 */
export class Handover {
  private begun = false;

  constructor(
    private readonly id: string,
    private readonly loops: Pick<Observations, 'beginLoop' | 'newestLoop'>,
    private readonly isReady: () => boolean,
  ) {}

  /** One look. True once a successor has begun and this loop may end. */
  async look(): Promise<boolean> {
    if (this.begun) return (await this.loops.newestLoop()) !== this.id;
    if (!this.isReady()) return false;
    await this.loops.beginLoop(this.id);
    this.begun = true;
    return false;
  }
}
