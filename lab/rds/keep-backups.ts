import path from 'node:path';
import { AutomatedBackup } from './automated-backup.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Database } from './database.ts';

/** Before an instance's server starts: where its log goes, if it is to be backed up. */
export async function openBackup(control: ControlPlane, database: Database): Promise<void> {
  if (database.attributes.BackupRetentionPeriod === 0 || database.backup || database.listedOnly) return;
  const folder = path.join(control.options.directory, database.region, 'automated-backups', database.resourceId);
  const backup = new AutomatedBackup(database.region, database, folder);
  await backup.archive.create();
  database.backup = backup;
  control.automatedBackups.add(backup);
}

/**
 * Backs up from now on: a base at once, then the log in its rhythm. Resolves after the first attempt; one that a crash or a blackout broke
 * off is made again.
 */
export async function keepBackups(control: ControlPlane, database: Database): Promise<void> {
  const { backup } = database;
  if (!backup) return;
  const first = next(control, backup);
  control.background.track(
    first.then(async () => {
      while (!backup.closed) {
        await control.pause(database.region, control.durations.uploadLog);
        await next(control, backup);
      }
    }),
  );
  await first;
}

function next(control: ControlPlane, backup: AutomatedBackup): Promise<void> {
  backup.attempt = attempt(control, backup);
  return backup.attempt;
}

async function attempt(control: ControlPlane, backup: AutomatedBackup): Promise<void> {
  const { database } = backup;
  if (backup.closed || !database.server.running) return;
  try {
    if (backup.bases.length === 0) await backup.takeBase();
    await backup.takeLog();
  } catch (error) {
    // Its server was stopped, killed or deleted meanwhile: then the latest restorable time stands still, which is all there is to see.
    const stillThere = database.server.running && !backup.closed && !control.background.stopped;
    if (stillThere) control.record(database, `Backup failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** For a server that is down. No more is added; what there is goes, unless it is to be retained. */
export async function endBackups(control: ControlPlane, database: Database, retain = false): Promise<void> {
  const { backup } = database;
  if (!backup) return;
  backup.closed = true;
  database.backup = undefined;
  await backup.attempt;
  await backup.hangUp();
  if (retain) {
    backup.retained = true;
    return;
  }
  await discardBackup(control, backup);
}

export async function discardBackup(control: ControlPlane, backup: AutomatedBackup): Promise<void> {
  control.automatedBackups.delete(backup);
  await backup.archive.remove();
}
