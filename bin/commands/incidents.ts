import { type Incident, Incidents, type TimelineEntry } from '../../lambdas/kit/incidents.ts';
import type { Operator } from './operator.ts';

export const showIncidents = async ({ ledger, print }: Pick<Operator, 'ledger' | 'print'>, limit: number): Promise<void> => {
  const index = await ledger.list('incident#index', { limit, newestFirst: true });
  const incidents = new Incidents(ledger);
  const found = (await Promise.all(index.map(({ incident, workload }) => incidents.find(String(incident), String(workload))))).filter(
    (each) => each !== undefined,
  );
  print(found, () => (found.length === 0 ? 'no incidents yet' : found.map(lineOf).join('\n')));
};

/** @throws Error when the ledger knows no such incident. */
export const showIncident = async (
  { ledger, environment, print }: Pick<Operator, 'ledger' | 'environment' | 'print'>,
  id: string,
): Promise<void> => {
  const incidents = new Incidents(ledger);
  const parts = await Promise.all(
    environment.workloads.map(async ({ name }) => ({
      incident: await incidents.find(id, name),
      timeline: await incidents.timeline(id, name),
    })),
  );
  const known = parts.flatMap(({ incident, timeline }) => (incident ? [{ incident, timeline }] : []));
  if (known.length === 0) throw new Error(`no incident '${id}' in environment '${environment.name}'; 'lifeboat incidents' lists them`);
  print(known, () =>
    known
      .map(({ incident, timeline }) =>
        [lineOf(incident), ...endLines(incident), ...answerLines(incident), ...timeline.map(entryLine)].join('\n'),
      )
      .join('\n\n'),
  );
};

/** Why it did not end well. The error's name is in the detail already. */
const endLines = ({ outcome, detail, error }: Incident): string[] => {
  const why = detail ?? error;
  return why && (outcome === 'aborted' || outcome === 'interrupted') ? [`  ${outcome}: ${why}`] : [];
};

/** What a step brought forth is in the JSON document; why one failed is what a person looks for. */
const entryLine = ({ at, step, state, detail }: TimelineEntry): string => {
  const why = typeof detail === 'string' ? detail : JSON.stringify(detail);
  return `  ${at}  ${step} ${state}${state === 'failed' && why ? `: ${why}` : ''}`;
};

const answerLines = ({ approval, acceptedLoss }: Incident): string[] => [
  ...(approval ? [`  asked at ${approval.askedAt} until ${approval.expiresAt}: ${approval.because}`] : []),
  ...(approval?.answer
    ? [`  ${approval.answer.verdict} at ${approval.answer.at} by ${approval.answer.by}: ${approval.answer.reason}`]
    : []),
  ...(acceptedLoss ? [`  accepted a loss of ${lossOf(acceptedLoss)} by ${acceptedLoss.by}: ${acceptedLoss.reason}`] : []),
];

const lossOf = ({ lag }: NonNullable<Incident['acceptedLoss']>): string => (lag.kind === 'known' ? `${lag.seconds} s` : 'unknown length');

const lineOf = ({ openedAt, incident, workload, mode, from, to, outcome, reason }: Incident): string =>
  `${openedAt}  ${incident}  ${workload}  ${mode} ${from} -> ${to}  ${outcome}  (${reason})`;
