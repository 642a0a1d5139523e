import type { AwsReply, CallRecord, Region, Zone } from '../types.ts';

/** `wrong-answer`: the call is served, and the caller hears something else of it. */
export type FaultKind = 'throttle' | 'server-error' | 'timeout' | 'access-denied' | 'latency' | 'wrong-answer';

/** What the caller hears instead of this answer of a region; called for each call that is hit, in their order. */
export type Lie = (answer: AwsReply, region: Region) => AwsReply;

/** Which calls a fault hits, by every field that is given, and what happens to them. */
export interface Fault {
  kind: FaultKind;
  source?: Zone;
  region?: Region;
  /** One signing name, or several. */
  service?: string | readonly string[];
  action?: string | readonly string[];
  principal?: string;
  /** The end of the ARN of what a function's request names, for example `table/orders`; calls of others name nothing. */
  resourceEnd?: string;
  /** For `latency`. */
  latencyMs?: number;
  /** For `wrong-answer`. */
  lie?: Lie;
  /** Told of each call that is hit, as it arrives. */
  onHit?: () => void;
  /** After so many hits the fault is spent. Default: never. */
  count?: number;
}

type Subject = Pick<CallRecord, 'source' | 'region' | 'service' | 'action' | 'principal' | 'resource'>;

const fits = (wanted: string | readonly string[] | undefined, value: string): boolean =>
  wanted === undefined || (typeof wanted === 'string' ? wanted === value : wanted.includes(value));

/** The faults that are injected into AWS calls. */
export class Faults {
  private readonly active = new Map<Fault, number>();

  /** Inject a fault from now on. Returns what takes it away. */
  add(fault: Fault): () => void {
    const own = { ...fault };
    this.active.set(own, fault.count ?? Number.POSITIVE_INFINITY);
    return () => this.active.delete(own);
  }

  clear(): void {
    this.active.clear();
  }

  /** The control planes that all regions share, in us-east-1, are dead: IAM's, Route 53's and that of S3's buckets answer nothing. */
  sharedControlPlanesDown(): () => void {
    const removals = [
      this.add({ kind: 'timeout', service: ['iam', 'route53'] }),
      this.add({ kind: 'timeout', service: 's3', action: ['CreateBucket', 'DeleteBucket'] }),
    ];
    return () => {
      for (const remove of removals) remove();
    };
  }

  /** The faults that hit this call, each counted as a hit. Latencies come first, then at most one that answers in the engine's place. */
  hits(call: Subject): Fault[] {
    const fitting = [...this.active.keys()].filter(
      (fault) =>
        fits(fault.source, call.source) &&
        fits(fault.region, call.region) &&
        fits(fault.service, call.service) &&
        fits(fault.action, call.action) &&
        fits(fault.principal, call.principal) &&
        (fault.resourceEnd === undefined || (call.resource ?? '').endsWith(fault.resourceEnd)),
    );
    const answering = fitting.find((fault) => fault.kind !== 'latency');
    const hit = [...fitting.filter((fault) => fault.kind === 'latency'), ...(answering ? [answering] : [])];
    for (const fault of hit) this.spend(fault);
    return hit;
  }

  private spend(fault: Fault): void {
    fault.onHit?.();
    const left = (this.active.get(fault) ?? 0) - 1;
    if (left <= 0) this.active.delete(fault);
    else this.active.set(fault, left);
  }
}
