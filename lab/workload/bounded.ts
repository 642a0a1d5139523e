/**
 * Runs work that ends when its signal is aborted: after so long, or when the other signal is. A plain timer, since a signal of
 * `AbortSignal.timeout` that only `AbortSignal.any` refers to can be collected before it fires, and the wait would have no end.
 */
export async function bounded<T>(boundMs: number, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  const own = new AbortController();
  const abort = () => own.abort(signal?.reason);
  const timer = setTimeout(() => own.abort(new Error(`not within ${boundMs} ms`)), boundMs);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work(own.signal), aborted(own.signal)]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    own.abort(); // What lost the race must not wait on.
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
