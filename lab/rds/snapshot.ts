import type { DBSnapshot } from '@aws-sdk/client-rds';
import type { Region } from '../types.ts';
import type { Attributes } from './database.ts';

/** A copy of an instance as it was at one moment: a tar of its data directory, with the WAL that makes it consistent. */
export interface Snapshot {
  region: Region;
  /** Its owner. */
  account: string;
  /** Accounts that may copy it, or `all`. */
  sharedWith: Set<string>;
  identifier: string;
  /** The tar; complete when the status is `available`. */
  file: string;
  status: 'creating' | 'available' | 'failed';
  percentProgress: number;
  createdAt: Date | undefined;
  /** When the first of its copies was asked for. */
  takenAt: Date;
  /** The settings of the instance, which a restored one inherits. */
  attributes: Attributes;
  port: number;
  /** Identifier, resource id and creation of the instance. */
  origin: Pick<DBSnapshot, 'DBInstanceIdentifier' | 'DbiResourceId' | 'InstanceCreateTime'>;
  sourceArn: string | undefined;
  /** The region that a copy came from. */
  copiedFrom?: Region;
  tags: Map<string, string>;
}
