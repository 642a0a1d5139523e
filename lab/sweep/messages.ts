import type { CallKind, Cell } from './cells.ts';
import type { Judged, LabVerdict } from './matrix.ts';

/** What a laboratory that is swept tells the sweep. */
export type Report =
  | { kind: 'phase'; phase: string }
  /** What a clean run called. */
  | { kind: 'clean'; kinds: CallKind[] }
  /** Ready for an attack. */
  | { kind: 'ready' }
  | { kind: 'judged'; judged: Judged }
  /** The end, over all attacks. */
  | { kind: 'verdict'; verdict: LabVerdict };

/** What it is told when it is ready: an attack, or the end. */
export interface Order {
  cell?: Cell;
}
