import type { AcceptedLoss, Answer } from './approvals.ts';
import { NotReady } from './errors.ts';
import type { Item, Ledger } from './ledger.ts';
import type { SiteName } from './plan.ts';

export type Mode = 'failover' | 'switchover' | 'restore' | 'repair';
/** `interrupted`: after the point of no return, to be resumed. */
export type Outcome = 'running' | 'recovered' | 'aborted' | 'interrupted';

/**
 * `known`: seconds of writes that the writer had heard itself acknowledge and the standby does not have; the worse of two measures. The
 * other is in `measures`, in words, and so is what they disagree about.
 */
export type Lag = ({ kind: 'known'; seconds: number } | { kind: 'unknown'; why: string }) & { measures?: string };
/** One workload's part of one run. Times are ISO 8601 UTC. */
export interface Incident {
  incident: string;
  workload: string;
  /** The execution that works on it, or did last. */
  execution: string;
  mode: Mode;
  trigger: 'alarm' | 'person';
  reason: string;
  from: SiteName;
  to: SiteName;
  /** The epoch that the run replaces. */
  epoch: number;
  /** The epoch under which it took the lease; nothing before it did. */
  takenEpoch?: number;
  openedAt: string;
  /** The first bad observation, where the clock of the RTO starts; for a switchover the moment at which writes stop. */
  outageBeganAt?: string;
  /** The first verified write through the public name, where the clock of the RTO stops. */
  verifiedAt?: string;
  outcome: Outcome;
  closedAt?: string;
  /** What became of the old writer; `unreachable` is settled when its region answers, `overridden` by a person. */
  fence?: 'fenced' | 'unreachable' | 'overridden';
  detail?: string;
  /** Name of the error that ended it. */
  error?: string;
  lag?: Lag;
  /** What a person was asked, and who answered; never the token. */
  approval?: { askedAt: string; expiresAt: string; because: string; answer?: Answer };
  acceptedLoss?: AcceptedLoss;
}

/** What happened, in order: one line for each step's start and end. */
export interface TimelineEntry {
  at: string;
  step: string;
  state: 'started' | 'succeeded' | 'failed';
  detail?: unknown;
}

/** A failover that opened an incident. */
export interface OpenedRun {
  incident: string;
  execution: string;
  /** Epoch milliseconds. */
  at: number;
}

/** No execution's name has a '#', so this is no incident's key. */
const lastFailoverKey = (workload: string) => ({ pk: 'incident#index#failover', sk: workload });
const keyOf = (incident: string, workload: string) => ({ pk: `incident#${incident}`, sk: workload });
const timelinePrefix = (workload: string) => `${workload}#`;

/** Incidents in the ledger. `incident#index` lists them by time. */
export class Incidents {
  constructor(private readonly ledger: Ledger) {}

  /** Twice is once: one whose first writer died between the two items is listed by the next. */
  async open(opened: Incident): Promise<void> {
    const { incident, workload } = opened;
    const isNew = await this.ledger.put({ ...opened, ...keyOf(incident, workload) }, 'attribute_not_exists(pk)');
    const { openedAt } = isNew ? opened : await this.get(incident, workload);
    await this.ledger.put({ pk: 'incident#index', sk: `${openedAt}#${incident}#${workload}`, incident, workload });
  }

  /** Written before the incident itself: whoever looks again must know that somebody has this outage in hand. */
  async noteFailover(workload: string, run: OpenedRun): Promise<void> {
    await this.ledger.put({ ...lastFailoverKey(workload), ...run });
  }

  /** The failover that opened its incident last, in whichever site, started by whomever. */
  async lastFailover(workload: string): Promise<OpenedRun | undefined> {
    return (await this.ledger.get(lastFailoverKey(workload))) as OpenedRun | undefined;
  }

  async find(incident: string, workload: string): Promise<Incident | undefined> {
    return (await this.ledger.get(keyOf(incident, workload))) as Incident | undefined;
  }

  /** @throws NotReady while the incident cannot be read: it was opened before. */
  async get(incident: string, workload: string): Promise<Incident> {
    const found = await this.find(incident, workload);
    if (!found) throw new NotReady(`incident ${incident} of workload '${workload}' is not in the ledger yet`);
    return found;
  }

  note(incident: string, workload: string, fields: Partial<Incident> & Item): Promise<void> {
    return this.ledger.set(keyOf(incident, workload), fields);
  }

  async append(incident: string, workload: string, entry: TimelineEntry): Promise<void> {
    await this.ledger.put({
      pk: `incident#${incident}`,
      sk: `${timelinePrefix(workload)}${entry.at}#${entry.step}#${entry.state}`,
      ...entry,
    });
  }

  async timeline(incident: string, workload: string): Promise<TimelineEntry[]> {
    const items = await this.ledger.list(`incident#${incident}`, { prefix: timelinePrefix(workload) });
    return items.map(({ at, step, state, detail }) => ({ at, step, state, detail }) as TimelineEntry);
  }
}
