import type { Region } from '../../types.ts';
import type { Drill } from '../drill.ts';
import { killAll, serversIn } from './processes.ts';

/** A server process dies by SIGKILL: the postmaster ends all sessions at once and recovers from the log, as after any crash. */
export function crashDatabase(drill: Drill, region: Region): void {
  const writer = serversIn(drill, region).children.filter(
    ({ command }) => command.includes('walwriter') || command.includes('checkpointer'),
  );
  killAll(writer.slice(0, 1), `database server's process in ${region}`);
}

/** The server is gone and does not come back: its host died. */
export function loseDatabase(drill: Drill, region: Region): void {
  const { postmasters, children } = serversIn(drill, region);
  killAll([...postmasters, ...children], `database server in ${region}`);
}
