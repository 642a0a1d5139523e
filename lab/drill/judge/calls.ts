import type { CallRecord } from '../../types.ts';
import type { Evidence, Execution } from './evidence.ts';
import { needsSharedControlPlane } from './shared-control-planes.ts';

/** Data planes that a run may use in another region: they do not depend on that region's control plane. */
const DATA_PLANE: Record<string, RegExp> = {
  dynamodb: /^(Get|Put|Update|Delete|BatchGet|BatchWrite|TransactGet|TransactWrite)Items?$|^Query$/,
  s3: /^(Get|Put|Head)Object$/,
  sns: /^Publish/,
  sqs: /^SendMessage/,
  monitoring: /^(Put|Get)MetricData$/,
  sts: /./,
};

export interface CallCount {
  /** Calls that the run made. */
  total: number;
  /** Of those, calls that the failed region answered. A call without an answer cannot have been needed. */
  toFailedRegion: number;
  /** Of those, answered calls to a control plane outside the region that was activated. */
  toForeignControlPlane: number;
}

/** The AWS calls that the functions of a run made while it ran. */
export function callsOfRun(
  calls: readonly CallRecord[],
  execution: Pick<Execution, 'region' | 'functions' | 'startedAt' | 'stoppedAt'>,
): CallRecord[] {
  const functions = new Set(execution.functions);
  const until = execution.stoppedAt ?? Number.POSITIVE_INFINITY;
  return calls.filter(
    (call) => functions.has(call.principal) && call.source === execution.region && call.at >= execution.startedAt && call.at <= until,
  );
}

/** AWS did what was asked, also where the lab let the caller hear otherwise. */
export const wasAccepted = ({ status, served = status }: CallRecord): boolean => served === 200;

/** Counts what the runs needed from where. */
export function countCalls(calls: readonly CallRecord[], executions: readonly Execution[], failed: Evidence['failed']): CallCount {
  const made = executions.flatMap((execution) => callsOfRun(calls, execution).map((call) => ({ call, home: execution.region })));
  const answered = made.filter(({ call }) => call.status > 0 && call.status < 500 && !call.injected);
  return {
    total: made.length,
    // A region that has returned may be the one that a later run activates: its own calls are no foreign ones.
    toFailedRegion: answered.filter(({ call, home }) => isOfFailed(call, failed) && call.region !== home).length,
    toForeignControlPlane: answered.filter(({ call, home }) => isForeignControlPlane(call, home)).length,
  };
}

/** What it answered before it failed, it was well enough to answer. */
const isOfFailed = ({ region, at, service, action }: CallRecord, failed: Evidence['failed']): boolean =>
  failed !== undefined && region === failed.region && at >= failed.at && !needsSharedControlPlane(service, action);

function isForeignControlPlane(call: CallRecord, home: string): boolean {
  if (needsSharedControlPlane(call.service, call.action)) return true;
  return call.region !== home && !DATA_PLANE[call.service]?.test(call.action);
}
