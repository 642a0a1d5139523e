/**
 * One laboratory of a sweep, a process of its own: it makes the attacks that it is told over the channel to its parent, and has its
 * whole history judged at the end. Arguments: the machine, and `clean` where it shall make a clean run first.
 */
import { once } from 'node:events';
import type { Drill } from '../drill/drill.ts';
import type { Progress } from '../drill/progress.ts';
import { Owner, runDrill } from '../drill/run-drill.ts';
import type { Scenario } from '../drill/scenario.ts';
import { startLab } from '../lab.ts';
import { stopOnSignals } from '../process/signals.ts';
import type { Campaign } from './campaign.ts';
import { campaigns } from './campaigns/index.ts';
import { nameOf } from './cells.ts';
import type { Order, Report } from './messages.ts';

const STOP_WITHIN_MS = 20_000;
/** Enough to see who writes, and no more: what a sweep needs is runs, not load. */
const PACE = { ordersPerSecond: 8, insidePerSecond: 5, lookMs: 1_000, warmMs: 300_000 };
const STEADY_WRITES = 30;

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
const tell = (report: Report): void => void (process.connected && process.send?.(report));

/** The attacks, as a scenario. */
function scenarioOf(campaign: Campaign, withClean: boolean, done: { attacks: number }): Scenario {
  return {
    name: `sweep-${campaign.name}`,
    title: `Every call of the machine, attacked: ${campaign.name}`,
    story: 'The machine is run once for each kind of call that it makes and each fault that can befall it.',
    objectives: { rtoSeconds: 3_600, rpoSeconds: 0 },
    environment: campaign.environment,
    promises: campaign.promises,
    destroysDatabases: campaign.destroysDatabases,
    async run(drill) {
      await campaign.prepare?.(drill);
      if (withClean) tell({ kind: 'clean', kinds: await campaign.clean(drill) });
      for (let order = await ready(drill); order.cell; order = await ready(drill)) {
        drill.note(`attack: ${nameOf(order.cell)}`, 'fault');
        tell({ kind: 'judged', judged: await campaign.attack(drill, order.cell) });
        done.attacks += 1;
      }
    },
  };
}

async function ready(drill: Drill): Promise<Order> {
  const told = once(process, 'message', { signal: drill.parts.signal });
  tell({ kind: 'ready' });
  const [order] = (await told) as [Order];
  return order;
}

const [name = '', clean] = process.argv.slice(2);
const campaign = campaigns.find((one) => one.name === name);
if (!campaign) throw new Error(`no campaign is called ${name}`);
const owner = new Owner();
const aborting = new AbortController();
const forget = stopOnSignals(async () => {
  aborting.abort(new Error('interrupted'));
  await owner.stop();
}, STOP_WITHIN_MS);
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
const progress: Progress = { phase: (phase) => tell({ kind: 'phase', phase }), say: () => {}, end: () => {} };
const done = { attacks: 0 };
const scenario = scenarioOf(campaign, clean === 'clean', done);
const { result } = await runDrill(scenario, {
  startLab,
  progress,
  owner,
  signal: aborting.signal,
  keep: process.env.SWEEP_KEEP === 'true',
  pace: PACE,
  steadyWrites: STEADY_WRITES,
});
forget();
process.removeAllListeners('disconnect');
tell({ kind: 'verdict', verdict: { attacks: done.attacks, broken: result.reasons } });
process.disconnect?.();
process.exit(0);
