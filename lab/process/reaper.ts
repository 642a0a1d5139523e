/**
 * The reaper: a process of its own that outlives the lab by a moment and kills what the lab leaves behind, however the lab died.
 * It holds the reading end of a pipe whose writing end only the lab has: end of file is the lab's death. If npm or the shell above
 * the lab dies, it asks the lab to stop, and kills it when that takes too long.
 *
 * Arguments: run id, the run's folder, the lab's pid, then `pid:startTime` of each ancestor to watch.
 */
import { kill, sweep } from './sweep.ts';
import { isRunning, startTime } from './table.ts';

const POLL_MS = 250;
const ORDERLY_STOP_MS = 15_000;

const [runId = '', folder = '', labPid = '', ...ancestors] = process.argv.slice(2);
const lab = Number(labPid);
const labStartedAt = startTime(lab);
const watched = ancestors.map((text) => {
  const colon = text.indexOf(':');
  return { pid: Number(text.slice(0, colon)), startedAt: text.slice(colon + 1) };
});

async function reap(): Promise<void> {
  await sweep(runId, folder);
  process.exit(0);
}

let released = false;
process.stdin.on('data', (chunk: Buffer) => {
  released ||= chunk.includes('released');
});
process.stdin.on('end', () => (released ? process.exit(0) : void reap()));
process.stdin.on('error', () => void reap());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const poll = setInterval(() => {
  if (watched.every(({ pid, startedAt }) => isRunning(pid, startedAt))) return;
  clearInterval(poll);
  kill(lab, 'SIGTERM');
  setTimeout(() => {
    if (labStartedAt !== undefined && isRunning(lab, labStartedAt)) kill(lab, 'SIGKILL');
  }, ORDERLY_STOP_MS);
}, POLL_MS);
