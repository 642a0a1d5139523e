/** Delivers in order of sending, each item not before its delay has passed. Without delay, at once. */
export class Lane {
  private readonly queue: { at: number; action: () => void }[] = [];

  push(delayMs: number, action: () => void): void {
    if (delayMs === 0 && this.queue.length === 0) action();
    else if (this.queue.push({ at: performance.now() + delayMs, action }) === 1) this.wait();
  }

  private wait(): void {
    const first = this.queue[0];
    if (first === undefined) return;
    setTimeout(() => {
      first.action();
      this.queue.shift();
      this.wait();
    }, first.at - performance.now());
  }
}
