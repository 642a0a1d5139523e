import { type Incident, Incidents } from '../../lambdas/kit/incidents.ts';
import { type Operator, UsageError } from './operator.ts';

export const showIncidents = async ({ ledger, print }: Operator, limit: number): Promise<void> => {
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit takes a whole number from 1');
  const index = await ledger.list('incident#index', { limit, newestFirst: true });
  const incidents = new Incidents(ledger);
  const found = (await Promise.all(index.map(({ incident, workload }) => incidents.find(String(incident), String(workload))))).filter(
    (each) => each !== undefined,
  );
  print(found, () => (found.length === 0 ? 'no incidents yet' : found.map(lineOf).join('\n')));
};

/** @throws Error when the ledger knows no such incident. */
export const showIncident = async ({ ledger, environment, print }: Operator, id: string): Promise<void> => {
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
        [lineOf(incident), ...answerLines(incident), ...timeline.map(({ at, step, state }) => `  ${at}  ${step} ${state}`)].join('\n'),
      )
      .join('\n\n'),
  );
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
