import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { guarded, localCalls } from '../kit/clients.ts';
import { required } from '../kit/step.ts';
import type { LostRow, TableLoss } from './postgres-lost-rows.ts';

/** A part is written when it holds so many characters: it is kept in memory until then. */
const PART_CHARACTERS = 8_000_000;

interface Part {
  object: string;
  rows: number;
  /** Keys of the first and the last row, as they stand in the file. */
  first: unknown;
  last: unknown;
}

/** Where rows go that exist nowhere else: the only place outside the databases that ever sees them. */
export interface LostRowsExport {
  take(table: string, rows: readonly LostRow[]): Promise<void>;
  /** Ends a table: what is left of it, and its index with the key range of each part. */
  finish(loss: TableLoss): Promise<void>;
  /** Names what belongs together. Returns its URI. */
  close(manifest: object): Promise<string>;
}

/**
 * Writes below `<folder>/<table>/`: parts of JSON lines `{finding, key, row}` in the order of the keys, and `index.json`; then
 * `manifest.json` beside the tables. Written again, it is the same objects again.
 */
export const lostRowsExport = (folder: string, bucket = required('LIFEBOAT_LOST_ROWS_BUCKET')): LostRowsExport => {
  const s3 = guarded(new S3Client(localCalls));
  const write = async (name: string, body: string, type = 'application/json'): Promise<string> => {
    const Key = `${folder}/${name}`;
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: body, ContentType: type }));
    return `s3://${bucket}/${Key}`;
  };
  let current: string | undefined;
  let lines: string[] = [];
  let characters = 0;
  let range: Pick<Part, 'first' | 'last'> | undefined;
  let parts: Part[] = [];
  /** A table that broke off leaves nothing for the next one. */
  const begin = (table: string): void => {
    if (table === current) return;
    current = table;
    [lines, characters, range, parts] = [[], 0, undefined, []];
  };
  const flush = async (table: string): Promise<void> => {
    if (!range) return;
    const name = `${table}/${String(parts.length + 1).padStart(6, '0')}.jsonl`;
    parts.push({ object: await write(name, `${lines.join('\n')}\n`, 'application/x-ndjson'), rows: lines.length, ...range });
    [lines, characters, range] = [[], 0, undefined];
  };
  return {
    async take(table, rows) {
      begin(table);
      for (const { finding, key = 'null', row } of rows) {
        const line = `{"finding":"${finding}","key":${key},"row":${row}}`;
        lines.push(line);
        characters += line.length;
        range = { first: range?.first ?? JSON.parse(key), last: JSON.parse(key) };
        if (characters >= PART_CHARACTERS) await flush(table);
      }
    },
    async finish({ table, ...counts }) {
      begin(table);
      await flush(table);
      if (parts.length > 0) await write(`${table}/index.json`, JSON.stringify({ table, ...counts, parts }, null, 2));
      current = undefined;
    },
    close: (manifest) => write('manifest.json', JSON.stringify(manifest, null, 2)),
  };
};
