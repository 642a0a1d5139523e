import type { Drill } from './drill.ts';
import type { Promised } from './judge/promises.ts';
import type { Objectives } from './judge/verdict.ts';

/** One thing that may happen, what is done to make it happen, and what is promised for it. */
export interface Scenario {
  name: string;
  title: string;
  /** Two or three sentences for the report: what breaks and what should follow. */
  story: string;
  objectives: Objectives;
  /** Rehearsed by this name, `--group <name>`, and not by `--all`: attacks of one kind. */
  group?: string;
  /** Of Lifeboat's environments the one that is deployed; `demo` if left out. */
  environment?: string;
  /** It destroys every database itself: what no recovery point has is nowhere, and only how much that is can be judged. */
  destroysDatabases?: boolean;
  /** Breaks things, and waits for what is expected; throws where it does not come in time. */
  run(drill: Drill): Promise<void>;
  promises: readonly Promised[];
}
