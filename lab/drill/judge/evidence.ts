import type { UseOfRights } from '../../iam/access.ts';
import type { CallRecord, Region } from '../../types.ts';
import type { Attempt } from '../../workload/attempt.ts';

/** An order as a site's database holds it. */
export interface Row {
  id: string;
  /** The site whose application wrote it. */
  site: Region;
  /** Epoch milliseconds by the database's clock, taken inside the transaction: not later than the commit. */
  recordedAt: number;
}

/** What one site's database holds in the end; `unread` says why nothing is known. */
export interface SiteRows {
  site: Region;
  rows: Row[];
  unread?: string;
}

/** One state of an execution, from its entry to its exit. */
export interface StateRun {
  name: string;
  /** Something is done or waited for in it (Task, Wait). The time of a Map or a Parallel is that of the states inside, a Choice has none. */
  works: boolean;
  enteredAt: number;
  exitedAt?: number;
}

/** One run of the failover machine. */
export interface Execution {
  region: Region;
  arn: string;
  name: string;
  status: string;
  startedAt: number;
  stoppedAt?: number;
  input: string;
  cause?: string;
  states: StateRun[];
  /** Names of the functions that the machine's definition can call. */
  functions: string[];
}

export interface TimelineEvent {
  /** Epoch milliseconds. */
  at: number;
  event: string;
  /** `fault` is what the drill broke or mended, `system` what was seen, `drill` what the drill did. */
  kind: 'fault' | 'system' | 'drill';
}

/** An alarm that changed its state. */
export interface AlarmChange {
  at: number;
  region: Region;
  name: string;
  state: string;
}

/** Orders that Lifeboat exported in a site, because the new writer never had them. */
export interface ExportedRows {
  site: Region;
  /** Former writers that were searched. */
  searches: number;
  /** Orders that the searches say they found; the judge compares it with what is in the files. */
  counted: number;
  /** Ids of the orders in the files. */
  orders: string[];
}

/** All that the judge may look at. */
export interface Evidence {
  home: { primary: Region; recovery: Region };
  /** When the drill broke something, or asked for a move. */
  faultAt: number;
  /** The region that was taken away, where one was, and when. */
  failed?: { region: Region; at: number };
  /** When a move of the workload was begun by the drill: between two of them at most one handover is allowed. */
  moves: number[];
  /** Of the public's client, which writes through the public name. */
  attempts: Attempt[];
  /** Of clients inside the regions, which write to their own region's load balancer whatever DNS says. */
  insiders: Attempt[];
  databases: SiteRows[];
  /** Databases that are no site's any more, but were kept. */
  setAside: SiteRows[];
  /** What was exported of them. */
  exports: ExportedRows[];
  executions: Execution[];
  alarms: AlarmChange[];
  calls: readonly CallRecord[];
  /** Of the rights to change something, those that a call of the drill used, and the others. */
  rights: UseOfRights;
  /** The environment that was deployed. */
  environment: string;
  timeline: TimelineEvent[];
}
