import { Approvals } from '../../lambdas/kit/approvals.ts';
import { Incidents } from '../../lambdas/kit/incidents.ts';
import { calledAs, type Operator } from './operator.ts';

/**
 * Looks whether a run waits for a person, and tells on stderr how to answer: each question of each workload once. It never fails: who
 * follows a run that goes on must not lose sight of it because nobody can read its questions.
 * @param before what to read before one answers.
 */
export const questionTeller = (
  operator: Pick<Operator, 'environment' | 'region' | 'ledger'>,
  incident: string,
  workloads: readonly string[],
  before?: (workload: string) => Promise<string>,
): (() => Promise<void>) => {
  const approvals = new Approvals(operator.ledger, new Incidents(operator.ledger));
  const settled = new Set<string>();
  let isBlind = false;
  const look = async (workload: string): Promise<void> => {
    const question = await approvals.find(incident, workload);
    if (!question || settled.has(question.id)) return;
    const isOpen = Date.now() < Date.parse(question.expiresAt) && !(await approvals.answerTo(incident, workload, question));
    const text = isOpen && before ? `${await before(workload)}\n` : '';
    settled.add(question.id);
    if (!isOpen) return;
    process.stderr.write(`${text}${workload} asks, until ${question.expiresAt}: ${question.because}
answer, 'refuse' in place of 'approve' to end the run:
  ${calledAs(operator)} approve ${incident} --workload ${workload} --reason "…"\n`);
  };
  return async () => {
    try {
      await Promise.all(workloads.map(look));
      isBlind = false;
    } catch (error) {
      if (!isBlind) process.stderr.write(`whether ${incident} asks somebody cannot be read: ${(error as Error).message}\n`);
      isBlind = true;
    }
  };
};
