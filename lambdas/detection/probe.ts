import type { Answer, ask } from '../kit/http.ts';
import type { Verdict } from '../kit/observations.ts';

export interface ProbeResult {
  verdict: Verdict;
  reason: string;
}

/**
 * Looks at a workload from here. A failed probe counts as `unhealthy` only while one of the reference pages answers: else the fault
 * may be our own, and that is `unknown`. So is an answer that speaks of the probe rather than of the workload (a wrong path, a login).
 */
export const probe = async (
  url: string,
  { references, timeoutMs, request }: { references: readonly string[]; timeoutMs: number; request: typeof ask },
): Promise<ProbeResult> => {
  const answer = await request(url, { timeoutMs });
  const verdict = verdictOf(answer);
  if (verdict !== 'unhealthy') return { verdict, reason: describe(answer) };
  const ownNetworkWorks = (await Promise.all(references.map((reference) => request(reference, { timeoutMs })))).some(
    ({ kind }) => kind === 'answered',
  );
  return ownNetworkWorks
    ? { verdict, reason: describe(answer) }
    : { verdict: 'unknown', reason: `${describe(answer)}, but no reference page answers either: our own network may be at fault` };
};

const verdictOf = (answer: Answer): Verdict => {
  if (answer.kind === 'silent') return 'unhealthy';
  if (answer.status >= 200 && answer.status < 300) return 'healthy';
  return answer.status >= 500 ? 'unhealthy' : 'unknown';
};

const describe = (answer: Answer): string =>
  answer.kind === 'answered' ? `answered ${answer.status} in ${answer.milliseconds} ms` : `no answer: ${answer.reason}`;
