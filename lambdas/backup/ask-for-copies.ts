import { type Answer, COPIES_AT_ONCE, type Snapshot } from '../resources/rds-snapshots.ts';
import { atMost, type Job } from './jobs.ts';

const BUDGET_MS = 20_000;
const AT_ONCE = 4;

/** A line for each copy that is not there: why it is not there yet, or never will be. */
export interface Asked {
  waiting: string[];
  refused: string[];
}

/**
 * Asks for the copies that are missing, never for more at once than RDS has room for where they go: the others wait for the next try. One
 * that RDS refuses takes no room, or the same twenty would keep all others out, try after try.
 * @param known what is there already, by snapshot.
 */
export const askForCopies = async (
  missing: readonly Job[],
  known: ReadonlyMap<string, Pick<Snapshot, 'copying'>>,
  copy: (job: Job) => Promise<Answer>,
  now: () => number,
): Promise<Asked> => {
  const waiting: string[] = [];
  const refused: string[] = [];
  let room = COPIES_AT_ONCE - [...known.values()].filter(({ copying }) => copying).length;
  const ask = async (job: Job): Promise<void> => {
    if (room <= 0) return void waiting.push(`${job.id} waits for room among ${COPIES_AT_ONCE} copies`);
    room -= 1;
    const answer = await copy(job);
    if (answer.kind === 'refused') room += 1;
    if (answer.kind === 'asked') waiting.push(`${job.id} is being copied`);
    if (answer.kind === 'wait') waiting.push(`${job.id} waits: ${answer.because}`);
    if (answer.kind === 'refused') refused.push(`${job.id}: ${answer.because}`);
  };
  const later = await atMost(missing, { atOnce: AT_ONCE, until: now() + BUDGET_MS, now }, ask);
  waiting.push(...later.map(({ id }) => `${id} waits for its turn`));
  return { waiting, refused };
};

/** The jobs whose copy is on its way, or in a state that nobody knows. */
export const underWay = (jobs: readonly Job[], known: ReadonlyMap<string, Pick<Snapshot, 'status'>>): string[] =>
  jobs.filter(({ id }) => ['creating', 'unknown'].includes(known.get(id)?.status ?? '')).map(({ id }) => `${id} is being copied`);
