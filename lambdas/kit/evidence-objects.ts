import { createHash } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { guarded, localCalls } from './clients.ts';
import { required } from './step.ts';

/** Documents in the site's evidence bucket, under its key, where they can be neither changed nor deleted: for what may stand nowhere else. */
export class EvidenceObjects {
  private readonly s3 = guarded(new S3Client(localCalls));
  constructor(private readonly bucket = required('LIFEBOAT_EVIDENCE_BUCKET')) {}

  async save(key: string, document: unknown): Promise<{ key: string; sha256: string }> {
    const body = JSON.stringify(document);
    await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body, ContentType: 'application/json' }));
    return { key, sha256: digestOf(body) };
  }

  /** The document of this digest. @throws Error when it is another one: what was approved is carried over, or nothing. */
  async load<T>(key: string, sha256: string): Promise<T> {
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: key }));
    const body = (await Body?.transformToString()) ?? '';
    if (digestOf(body) !== sha256) throw new Error(`${key} is not the document that was approved`);
    return JSON.parse(body) as T;
  }
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
