const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * On SIGINT, SIGTERM or SIGHUP stop in order, then exit as a process that died of the signal does. A second signal, or `timeoutMs`
 * without an end, exits at once: the reaper does the rest. Returns a function that takes the handlers away.
 */
export function stopOnSignals(stop: () => Promise<void>, timeoutMs = 10_000): () => void {
  let stopping = false;
  const handlers = Object.entries(NUMBERS).map(([signal, number]) => {
    const handler = (): void => {
      const exit = (): never => process.exit(128 + number);
      if (stopping) exit();
      stopping = true;
      setTimeout(exit, timeoutMs);
      stop().then(exit, exit);
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}
