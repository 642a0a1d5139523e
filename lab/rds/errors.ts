import {
  DBInstanceAlreadyExistsFault,
  DBInstanceAutomatedBackupNotFoundFault,
  DBInstanceAutomatedBackupQuotaExceededFault,
  DBInstanceNotFoundFault,
  DBSnapshotAlreadyExistsFault,
  DBSnapshotNotFoundFault,
  InstanceQuotaExceededFault,
  InvalidDBInstanceAutomatedBackupStateFault,
  InvalidDBInstanceStateFault,
  InvalidDBSnapshotStateFault,
  PointInTimeRestoreNotEnabledFault,
  SnapshotQuotaExceededFault,
} from '@aws-sdk/client-rds';
import { CommonError } from './query-protocol.ts';

/** What goes wrong, in RDS's own words: the SDK's exceptions where it has classes for them. */
const $metadata = {};

export const instanceNotFound = (identifier: string) =>
  new DBInstanceNotFoundFault({ message: `DBInstance ${identifier} not found.`, $metadata });

export const instanceAlreadyExists = () => new DBInstanceAlreadyExistsFault({ message: 'DB instance already exists', $metadata });

export const invalidInstanceState = (message: string) => new InvalidDBInstanceStateFault({ message, $metadata });

export const instanceQuotaExceeded = () => new InstanceQuotaExceededFault({ message: 'DB Instance quota exceeded', $metadata });

export const snapshotQuotaExceeded = (message: string) => new SnapshotQuotaExceededFault({ message, $metadata });

export const snapshotNotFound = (identifier: string) =>
  new DBSnapshotNotFoundFault({ message: `DBSnapshot ${identifier} not found.`, $metadata });

export const snapshotAlreadyExists = (identifier: string) =>
  new DBSnapshotAlreadyExistsFault({
    message: `Cannot create the snapshot because a snapshot with the identifier ${identifier} already exists.`,
    $metadata,
  });

export const invalidSnapshotState = (message: string) => new InvalidDBSnapshotStateFault({ message, $metadata });

export const automatedBackupNotFound = (what: string) =>
  new DBInstanceAutomatedBackupNotFoundFault({ message: `DBInstanceAutomatedBackup not found: ${what}.`, $metadata });

export const automatedBackupQuotaExceeded = (message: string) => new DBInstanceAutomatedBackupQuotaExceededFault({ message, $metadata });

export const invalidAutomatedBackupState = (message: string) => new InvalidDBInstanceAutomatedBackupStateFault({ message, $metadata });

export const pointInTimeRestoreNotEnabled = (identifier: string) =>
  new PointInTimeRestoreNotEnabledFault({ message: `Point-in-time restore is not enabled for ${identifier}.`, $metadata });

export const invalidValue = (message: string) => new CommonError('InvalidParameterValue', message);

export const reservedTag = () => invalidValue('Tag keys cannot start with the reserved prefix aws:');

export const invalidCombination = (message: string) => new CommonError('InvalidParameterCombination', message);
