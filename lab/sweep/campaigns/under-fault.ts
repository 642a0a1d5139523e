import type { Drill } from '../../drill/drill.ts';
import type { Region } from '../../types.ts';
import type { Cell } from '../cells.ts';
import { faultOf } from '../inject.ts';

/** A run that is attacked: of which machine, and how it is started, followed and stopped. */
export interface Attacked<Run> {
  /** Where the machine is. */
  source: Region;
  /** Names of its functions. */
  functions: readonly string[];
  /** The region that `dark-here` takes. */
  dark: Region;
  start: () => Promise<string>;
  ends: (arn: string) => Promise<Run>;
  stop: (arn: string) => Promise<void>;
}

/** One run under a fault; the fault and what it darkened are mended when it ends. Nothing where it did not end in its time. */
export async function runUnderFault<Run>(drill: Drill, cell: Cell, attacked: Attacked<Run>): Promise<Run | undefined> {
  const { source, functions, dark } = attacked;
  const principal = functions.find((name) => name.endsWith(`-${cell.step}`));
  if (!principal) throw new Error(`no function of the machine is called like the step ${cell.step}`);
  let started: Promise<string> | undefined;
  const deeds: Promise<unknown>[] = [];
  const takeAway = drill.lab.faults.add(
    faultOf(
      cell,
      { principal, source },
      {
        darken: () => deeds.push(drill.lab.world.blackout(dark)),
        kill: () => deeds.push(Promise.resolve(started).then((arn) => attacked.stop(arn!))),
      },
    ),
  );
  try {
    started = attacked.start();
    return await attacked.ends(await started).catch(() => undefined);
  } finally {
    takeAway();
    await Promise.allSettled(deeds);
    if (drill.lab.world.isDark(dark)) await drill.lab.world.restore(dark);
  }
}
