import { GetObjectCommand, ListBucketsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { Region } from '../types.ts';
import type { DrillLab } from './drill-lab.ts';
import type { ExportedRows } from './judge/evidence.ts';
import { asPerson } from './person.ts';

const POLL_MS = 1_000;
/** The table of the workload that the client's ledger is about. */
const ORDERS = 'public.orders';

/** What was exported in a region of rows that the new writer never had: by the bucket's contents, as a person with the right to them reads it. */
export async function readExports(lab: DrillLab, region: Region): Promise<ExportedRows> {
  const s3 = new S3Client({ ...asPerson(lab, region), forcePathStyle: true });
  try {
    const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
    const bucket = Buckets.find(({ Name }) => Name?.includes('lost-rows') && Name.endsWith(region))?.Name;
    if (!bucket) return { site: region, searches: 0, counted: 0, orders: [] };
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1_000 }));
    const keys = Contents.map(({ Key = '' }) => Key);
    const read = async (Key: string): Promise<string> =>
      (await (await s3.send(new GetObjectCommand({ Bucket: bucket, Key }))).Body?.transformToString()) ?? '';
    const manifests = (await Promise.all(keys.filter((key) => key.endsWith('/manifest.json')).map(read))).map(
      (text) => JSON.parse(text) as { tables: Record<string, { absent: number }> },
    );
    const parts = await Promise.all(keys.filter((key) => key.includes(`/${ORDERS}/`) && key.endsWith('.jsonl')).map(read));
    const lines = parts.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => JSON.parse(line) as ExportedLine);
    return {
      site: region,
      searches: manifests.length,
      counted: manifests.reduce((sum, { tables }) => sum + (tables[ORDERS]?.absent ?? 0), 0),
      orders: lines.filter(({ finding }) => finding === 'absent').map(({ row }) => row.id),
    };
  } finally {
    s3.destroy();
  }
}

interface ExportedLine {
  finding: string;
  row: { id: string };
}

/** Resolves when a search of a region's former writer has ended. */
export async function untilExported(lab: DrillLab, region: Region, boundMs: number, signal: AbortSignal): Promise<ExportedRows> {
  const deadline = Date.now() + boundMs;
  let why = 'no manifest is in its bucket';
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    const found = await readExports(lab, region).catch((error: Error) => {
      why = error.message;
    });
    if (found && found.searches > 0) return found;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`the former writer in ${region} was not searched within ${Math.round(boundMs / 1_000)} s: ${why}`);
}
