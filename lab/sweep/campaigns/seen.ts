import type { Drill } from '../../drill/drill.ts';
import type { Attempt } from '../../workload/attempt.ts';

/** What the clients have seen, from a moment on. */
export class Seen {
  private constructor(
    private readonly drill: Drill,
    private readonly from: ReadonlyMap<unknown, number>,
  ) {}

  static of(drill: Drill): Seen {
    return new Seen(drill, new Map(Seen.clients(drill).map((client) => [client, client.attempts.length])));
  }

  since(): Attempt[] {
    return Seen.clients(this.drill).flatMap((client) => client.attempts.slice(this.from.get(client) ?? 0));
  }

  private static clients(drill: Drill) {
    return [drill.parts.client, ...drill.insiders.values()];
  }
}
