import type { Drill } from '../drill/drill.ts';
import type { Promised } from '../drill/judge/promises.ts';
import type { CallKind, Cell } from './cells.ts';
import type { Judged } from './matrix.ts';

/** A machine, and how it is swept. To sweep another one is to write this for it, and to name it in `campaigns/index.ts`. */
export interface Campaign {
  /** The machine, or the mode in which it is run. */
  name: string;
  /** Of Lifeboat's environments the one that is deployed. */
  environment: string;
  /** What must hold over the whole history of a laboratory in which attacks were made. */
  promises: readonly Promised[];
  /** It lets days pass after each attack, and so deletes what was kept: what is nowhere is judged by the attack, before that. */
  destroysDatabases?: boolean;
  /** What a laboratory has once, before its first run. */
  prepare?(drill: Drill): Promise<void>;
  /** A clean run, to its good end; answers with the kinds of calls that it made. Leaves the laboratory ready for an attack. */
  clean(drill: Drill): Promise<CallKind[]>;
  /** One attack, judged; leaves the laboratory ready for the next. Throws when that cannot be had. */
  attack(drill: Drill, cell: Cell): Promise<Judged>;
}
