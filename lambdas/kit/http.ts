export type Answer = { kind: 'answered'; status: number; milliseconds: number } | { kind: 'silent'; reason: string; milliseconds: number };

/** One HTTP request with one bound for all of it. Never throws: silence is an answer here. Redirects are not followed. */
export const ask = async (url: string, options: { method?: 'GET' | 'POST'; timeoutMs: number }): Promise<Answer> => {
  const began = performance.now();
  const elapsed = () => Math.round(performance.now() - began);
  try {
    const response = await fetch(url, {
      method: options.method ?? 'GET',
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    await response.arrayBuffer();
    return { kind: 'answered', status: response.status, milliseconds: elapsed() };
  } catch (error) {
    const { cause, name } = error as Error & { cause?: Error & { code?: string } };
    return { kind: 'silent', reason: cause?.code ?? cause?.message ?? name, milliseconds: elapsed() };
  }
};
