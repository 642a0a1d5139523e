import { foreignCalls } from '../kit/clients.ts';
import { Ledger } from '../kit/ledger.ts';
import { loadPlan, type SiteName, siteOf } from '../kit/plan.ts';
import { required } from '../kit/step.ts';

/** Route 53's checkers want an answer within 2 s. */
const READ_TIMEOUT_MS = 800;
/** Many checkers ask; they may share one reading. */
const REMEMBER_MS = 1_000;

interface UrlEvent {
  rawPath: string;
}
interface UrlAnswer {
  statusCode: number;
  body: string;
}

export interface BeaconServices {
  site: SiteName;
  workloads: readonly string[];
  token: string;
  serving: (workload: string, consistent: boolean) => Promise<SiteName | undefined>;
  now(): number;
}

/**
 * Answers 200 if and only if traffic should come to this site. When the newest word cannot be read, the replica's own word counts,
 * then what was read last; with nothing at all it answers 503, which leaves traffic where it was before any move.
 */
export const buildBeacon = ({ site, workloads, token, serving, now }: BeaconServices): ((event: UrlEvent) => Promise<UrlAnswer>) => {
  const known = new Map<string, { site: SiteName | undefined; at: number }>();
  const read = async (workload: string): Promise<SiteName | undefined> => {
    const last = known.get(workload);
    if (last && now() - last.at < REMEMBER_MS) return last.site;
    for (const consistent of [true, false]) {
      const answer = await inTime(serving(workload, consistent)).catch(() => undefined);
      if (!answer) continue;
      known.set(workload, { site: answer, at: now() });
      return answer;
    }
    return last?.site;
  };
  return async ({ rawPath }) => {
    const [, workload = '', given = ''] = rawPath.split('/');
    if (given !== token || !workloads.includes(workload)) return { statusCode: 404, body: 'not found\n' };
    const serves = (await read(workload)) === site;
    return serves ? { statusCode: 200, body: 'serving\n' } : { statusCode: 503, body: 'not serving\n' };
  };
};

const inTime = <T>(work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('too late')), READ_TIMEOUT_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

let beacon: ReturnType<typeof buildBeacon> | undefined;

export const handler = (event: UrlEvent): Promise<UrlAnswer> => {
  beacon ??= deployedBeacon();
  return beacon(event);
};

const deployedBeacon = () => {
  const plan = loadPlan();
  const ledger = new Ledger(required('LIFEBOAT_LEDGER_TABLE'), { limits: foreignCalls });
  return buildBeacon({
    site: siteOf(plan, required('AWS_REGION'))!,
    workloads: plan.workloads.map(({ name }) => name),
    token: required('LIFEBOAT_BEACON_TOKEN'),
    serving: async (workload, consistent) => (await ledger.lease(workload, consistent))?.serving,
    now: Date.now,
  });
};
