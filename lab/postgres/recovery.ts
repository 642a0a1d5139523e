import { rm } from 'node:fs/promises';
import path from 'node:path';
import { writeRecoverySignal } from './configuration.ts';
import type { PostgresServer } from './server.ts';
import type { WalArchive } from './wal-archive.ts';

/**
 * Replays an archive's log into a server, unpacked from a base backup, up to a moment; leaves it stopped, on a timeline of its own.
 *
 * There is always a moment: without one, PostgreSQL takes the first segment that is missing or corrupt for the log's end, and starts with a
 * part of the data and without a word. With one, it ends with 'recovery ended before configured recovery target was reached', and this
 * throws. Connections are refused until recovery has ended, so that no one takes a state on the way for the result.
 */
export async function recoverTo(server: PostgresServer, archive: WalArchive, moment: Date): Promise<void> {
  const log = path.join(server.directory, 'recovery-log');
  await archive.layOut(log);
  await writeRecoverySignal(server.dataDirectory, server.installation.user);
  try {
    await server.start({
      hot_standby: 'off',
      restore_command: `cp "${log}/%f" "%p"`,
      // PostgreSQL does not read the `Z` of ISO 8601 here.
      recovery_target_time: moment.toISOString().replace('Z', '+00:00'),
      recovery_target_timeline: 'current',
      recovery_target_action: 'promote',
    });
    await server.stop();
  } finally {
    await rm(log, { recursive: true, force: true });
  }
}
