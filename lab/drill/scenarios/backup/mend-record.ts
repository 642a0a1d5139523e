import { approve } from '../../approve.ts';
import type { Drill } from '../../drill.ts';
import { IntegrityView } from '../../integrity.ts';
import type { Machines } from '../../machines.ts';
import { until } from '../../patience.ts';
import { query } from '../../rows.ts';

const RUN_WITHIN_MS = 240_000;
const FOUND_WITHIN_MS = 240_000;
const ASKS_WITHIN_MS = 120_000;
const ALARM_WITHIN_MS = 240_000;

/** A record that is made wrong in one place. */
export interface Wrong {
  /** What breaks, for the timeline. */
  event: string;
  /** The check that has to find it. */
  check: string;
  /** SQL that spoils the order `$id`. */
  spoil: (id: string) => string;
  /** The column that the diff has to name, and no other. */
  column: string;
  /** Of the spoilt value: may be in no output of any run. */
  secret?: string;
}

/**
 * One order is spoilt while others are written: the watch finds it and says since when it was good, the database is restored beside to
 * then, the record is compared, approved, and carried over; all other orders are as they were.
 */
export async function mendRecord(drill: Drill, home: Machines, wrong: Wrong): Promise<void> {
  const view = new IntegrityView(drill);
  const since = new Date();
  const isLater = ({ lastPassedAt = '' }: { lastPassedAt?: string }) => Date.parse(lastPassedAt) > since.getTime();
  const before = await view.check(`${wrong.check} has passed`, wrong.check, isLater, FOUND_WITHIN_MS);
  const [victim] = await query<{ id: string; row: string }>(
    drill.at(drill.primary),
    'SELECT id, t::text AS row FROM orders t WHERE recorded_at < $1 ORDER BY id LIMIT 1 OFFSET 17',
    [since],
  );
  const others = await sumOfOthers(drill, victim!.id, since);
  await drill.fault(wrong.event, () => drill.sql(drill.primary, wrong.spoil(victim!.id)));
  const found = await view.check(`${wrong.check} has failed`, wrong.check, ({ verdict }) => verdict === 'failed', FOUND_WITHIN_MS);
  const foundAt = Date.now();
  drill.note(`found: ${found.detail}; last good ${found.lastPassedAt}`);
  // It may fire, and end, while the record is being mended.
  const fires = drill.alarms(drill.recovery, '-orders-integrity-failed', ALARM_WITHIN_MS).then(
    () => undefined,
    (error: Error) => error,
  );
  if (!found.detail?.startsWith(`1 rows of public.orders, by their keys ["${victim!.id}"]`))
    throw new Error(`the finding is: ${found.detail}`);
  const goodAt = Date.parse(found.lastPassedAt ?? '');
  if (!(goodAt < drill.faultAt! && goodAt >= Date.parse(before.lastPassedAt!)))
    throw new Error(`it is said to have been good at ${found.lastPassedAt}; spoilt ${new Date(drill.faultAt!).toISOString()}`);
  await repairFrom(drill, home, view, { wrong, id: victim!.id, goodAt: found.lastPassedAt! });
  const [mended] = await query<{ row: string }>(drill.at(drill.primary), 'SELECT t::text AS row FROM orders t WHERE id = $1', [victim!.id]);
  drill.note(`found after ${seconds(foundAt - drill.faultAt!)}, mended after ${seconds(Date.now() - drill.faultAt!)}`);
  if (mended?.row !== victim!.row) throw new Error('the order is not what it was');
  if ((await sumOfOthers(drill, victim!.id, since)) !== others) throw new Error('other orders are not what they were');
  const silent = await fires;
  if (silent) throw silent;
  const mendedAt = Date.now();
  const passes = ({ verdict, lastPassedAt = '' }: { verdict: string; lastPassedAt?: string }) =>
    verdict === 'passed' && Date.parse(lastPassedAt) > mendedAt - 60_000;
  await view.check(`${wrong.check} passes again`, wrong.check, passes, FOUND_WITHIN_MS);
}

async function repairFrom(
  drill: Drill,
  home: Machines,
  view: IntegrityView,
  { wrong, id, goodAt }: { wrong: Wrong; id: string; goodAt: string },
): Promise<void> {
  const restored = await home.run(
    'restore',
    { workload: 'orders', target: { at: goodAt }, reason: `${wrong.check} failed` },
    RUN_WITHIN_MS,
  );
  if (restored.status !== 'SUCCEEDED') throw new Error(`the restore is ${restored.status}: ${restored.cause}`);
  const input = { workload: 'orders', from: restored.output.instance, records: [{ table: 'orders', keys: [[id]] }] };
  const dry = await home.run('repair', { ...input, dryRun: true }, RUN_WITHIN_MS);
  const expected = JSON.stringify([{ key: [id], action: 'update', columns: [wrong.column] }]);
  const shown = JSON.stringify((dry.output.summary as { rows: unknown }[] | undefined)?.[0]?.rows);
  if (dry.status !== 'SUCCEEDED' || shown !== expected) throw new Error(`the dry run is ${dry.status} and shows ${shown}: ${dry.cause}`);
  drill.parts.progress.phase('A person approves the repair');
  const run = await home.start('repair', { ...input, reason: `${wrong.check} failed` });
  const incident = run.split(':').at(-1)!;
  await until('the repair asks for approval', () => view.asks(incident), ASKS_WITHIN_MS);
  await approve(drill, drill.primary, incident);
  const ended = await home.ended(run, RUN_WITHIN_MS);
  drill.note(`repair ${ended.status}: ${JSON.stringify(ended.output).slice(0, 300)}`);
  if (ended.status !== 'SUCCEEDED' || ended.output.carriedOver !== 1) throw new Error(`the repair is ${ended.status}: ${ended.cause}`);
  if (wrong.secret && JSON.stringify([dry, ended]).includes(wrong.secret)) throw new Error("a row's value is in the output of a run");
}

/** Of all orders up to then but one. */
async function sumOfOthers(drill: Drill, id: string, until: Date): Promise<string> {
  const sql = `SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) AS sum FROM orders t WHERE id <> $1 AND recorded_at < $2`;
  return (await query<{ sum: string }>(drill.at(drill.primary), sql, [id, until]))[0]!.sum;
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`;
