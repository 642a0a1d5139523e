import { rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import type { Drill } from '../../drill.ts';
import { query } from '../../rows.ts';
import { flipByte, type SnapshotFile, segmentsIn } from '../../snapshot-files.ts';

const PAGE_BYTES = 8_192;

export interface Damage {
  name: string;
  apply(file: SnapshotFile): Promise<void>;
}

/** Eleven ways in which a snapshot that RDS calls available cannot be used. `older` is a snapshot of the same database, taken before. */
export const damagesFor = async (drill: Drill, older: SnapshotFile): Promise<Damage[]> => {
  const { heap, index, lines, attributes } = await filesOf(drill);
  const inFile = (name: string, change: (folder: string) => Promise<void>): Damage => ({ name, apply: (file) => file.edit(change) });
  return [
    inFile('a bit flipped in a table', (folder) => flipByte(path.join(folder, heap), PAGE_BYTES + 6_000)),
    inFile('a bit flipped in an index', (folder) => flipByte(path.join(folder, index), PAGE_BYTES + 6_000)),
    inFile("a bit flipped in the system's own tables", (folder) => flipByte(path.join(folder, attributes), 3 * PAGE_BYTES + 6_000)),
    inFile('a table without its file', (folder) => rm(path.join(folder, heap))),
    inFile('an index cut to half', (folder) => truncate(path.join(folder, index), PAGE_BYTES)),
    inFile('another table cut to nothing', (folder) => truncate(path.join(folder, lines), 0)),
    inFile('no log segments', async (folder) => {
      for (const segment of await segmentsIn(folder)) await rm(segment);
    }),
    inFile('a corrupt log segment', async (folder) => {
      for (const segment of await segmentsIn(folder)) for (let at = 40; at < 1 << 20; at += PAGE_BYTES) await flipByte(segment, at);
    }),
    inFile('no control file', (folder) => rm(path.join(folder, 'global', 'pg_control'))),
    { name: 'a truncated snapshot', apply: (file) => file.truncateTo(0.6) },
    { name: "an older snapshot's data", apply: (file) => file.replaceWith(older) },
  ];
};

/** Where the workload's tables lie; a snapshot has them under the same names. */
const filesOf = async (drill: Drill): Promise<{ heap: string; index: string; lines: string; attributes: string }> => {
  const [files] = await query<{ heap: string; index: string; lines: string; attributes: string }>(
    drill.at(drill.primary),
    `SELECT pg_relation_filepath('orders') AS heap, pg_relation_filepath('orders_pkey') AS index,
       pg_relation_filepath('order_lines') AS lines, pg_relation_filepath('pg_attribute') AS attributes`,
  );
  return files!;
};
