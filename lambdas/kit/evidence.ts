import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { guarded, localCalls } from './clients.ts';
import type { Incident, Incidents, TimelineEntry } from './incidents.ts';
import { required } from './step.ts';

export interface IncidentRecord {
  incident: Incident;
  objectives: { rtoSeconds: number; rpoSeconds: number };
  /** What happened; nothing where it could not be measured. */
  measured: { rtoSeconds?: number; rpoSeconds?: number };
  timeline: TimelineEntry[];
}

export type SaveRecord = (record: IncidentRecord) => Promise<string>;

/** Writes an incident's record into the site's evidence bucket and returns its URI. */
export const recordWriter = (bucket = required('LIFEBOAT_EVIDENCE_BUCKET')): SaveRecord => {
  const s3 = guarded(new S3Client(localCalls));
  return async (record) => {
    const { workload, openedAt, incident } = record.incident;
    const key = `incidents/${workload}/${openedAt}-${incident}.json`;
    await s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: key, Body: JSON.stringify(record, null, 2), ContentType: 'application/json' }),
    );
    return `s3://${bucket}/${key}`;
  };
};

/** Everything that the ledger knows of one workload's part of a run. */
export const gatherRecord = async (
  incidents: Incidents,
  incident: string,
  workload: string,
  objectives: IncidentRecord['objectives'],
): Promise<IncidentRecord> => {
  const [found, timeline] = await Promise.all([incidents.get(incident, workload), incidents.timeline(incident, workload)]);
  const { verifiedAt, outageBeganAt, mode, outcome, lag } = found;
  const rtoSeconds = verifiedAt && outageBeganAt ? (Date.parse(verifiedAt) - Date.parse(outageBeganAt)) / 1000 : undefined;
  const rpoSeconds = mode === 'switchover' && outcome === 'recovered' ? 0 : lag?.kind === 'known' ? lag.seconds : undefined;
  return { incident: found, objectives, measured: { rtoSeconds, rpoSeconds }, timeline };
};
