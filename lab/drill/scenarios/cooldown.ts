import { browse } from '../browser.ts';
import type { Drill } from '../drill.ts';
import type { Execution } from '../judge/evidence.ts';
import type { Findings } from '../judge/measure.ts';
import { everythingKept, lossWithin, oneWriter, oneWriterAtATime, type Promised, runSucceeded, servedBy } from '../judge/promises.ts';
import { Mailbox } from '../mailbox.ts';
import type { Scenario } from '../scenario.ts';

const ENVIRONMENT = 'demo-approval';
/** The environment's cool-down, and then a schedule's minute, a start, and a move. */
const COOLDOWN_SECONDS = 300;
const BY_ITSELF_WITHIN_MS = (COOLDOWN_SECONDS + 240) * 1_000;
const APPROVED = 'A person approves by the link';
const GAVE_UP = 'The cool-down has ended, and the run gives up';
const ASKS = 'The run asks a person';

/** The workload has just been moved to the recovery region when that goes dark: the primary's machine asks, since it is cooling down. */
async function askedAfterAMove(drill: Drill): Promise<{ run: Execution; mail: Mailbox }> {
  await drill.switchover(drill.recovery, 'rehearsal: away', 240_000);
  await drill.replicates(drill.primary, 240_000);
  const mail = await Mailbox.open(drill, drill.primary);
  await drill.blackout(drill.recovery);
  const isAsking = ({ region, states }: Execution) =>
    region === drill.primary && states.some(({ name, exitedAt }) => name === 'Ask for approval' && exitedAt === undefined);
  const run = await drill.run('a run asks a person', isAsking, 240_000);
  drill.note(ASKS);
  return { run, mail };
}

/** Nothing goes on without an answer, or the end of the cool-down. */
const notTakenBefore = (event: string): Promised => ({
  text: `Nothing was promoted between '${ASKS}' and '${event}'`,
  broken: ({ evidence: { timeline, calls } }: Findings) => {
    const at = (wanted: string) => timeline.find((one) => one.event === wanted)?.at;
    const [from, to] = [at(ASKS), at(event)];
    if (from === undefined || to === undefined) return `it never came to: ${from === undefined ? ASKS : event}`;
    const early = calls.find((call) => call.action === 'PromoteReadReplica' && call.at > from && call.at < to);
    return early && `${early.principal} asked for a promotion`;
  },
});

const kept = [oneWriter(), oneWriterAtATime(), everythingKept(), servedBy('primary'), runSucceeded()];

export const approvalLink: Scenario = {
  name: 'approval-link',
  title: 'An outage soon after a move, and a person who answers by the link',
  story:
    'The workload has just been moved when its new region goes dark. During the cool-down the run asks a person. A program that scans mail ' +
    'opens the link and changes nothing; a forged link is refused; the person presses the button, and the run goes on. A second answer comes too late.',
  objectives: { rtoSeconds: 420, rpoSeconds: 60 },
  group: 'safety',
  environment: ENVIRONMENT,
  async run(drill) {
    const { run, mail } = await askedAfterAMove(drill);
    const link = String((await mail.message(/^Approve failover of orders/, 60_000)).facts.link);
    const requireStatus = async (what: string, status: number, to: string, form?: Record<string, string>) => {
      const seen = await browse(drill, to, form);
      drill.note(`${what}: ${seen.status}`);
      if (seen.status !== status) throw new Error(`${what}: answered ${seen.status}, not ${status}: ${seen.body.slice(0, 200)}`);
    };
    const approve = { answer: 'approve', reason: 'the drill accepts it' };
    await requireStatus('a scanner opens the link', 200, link);
    await requireStatus('a forged link is sent', 403, link.replace('workload=orders', 'workload=other'), approve);
    await requireStatus('the scanner opens it again', 200, link);
    drill.note(APPROVED);
    await requireStatus('the person sends the form', 200, link, approve);
    await requireStatus('somebody sends it again', 409, link, { ...approve, answer: 'refuse' });
    await drill.ends(run.arn, 300_000);
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
    await mail.stop();
  },
  promises: [...kept, notTakenBefore(APPROVED), lossWithin(60)],
};

export const cooldown: Scenario = {
  name: 'cooldown',
  title: 'An outage soon after a move that outlasts the cool-down, and nobody answers',
  story:
    'The workload has just been moved when its new region goes dark. During the cool-down the run asks a person, and nobody answers. When ' +
    'the cool-down ends that run gives up; the outage is still there, so the next one begins by itself and brings the workload home.',
  objectives: { rtoSeconds: COOLDOWN_SECONDS + 240, rpoSeconds: 60 },
  group: 'safety',
  environment: ENVIRONMENT,
  async run(drill) {
    const { run, mail } = await askedAfterAMove(drill);
    await mail.stop();
    const gaveUp = await drill.ends(run.arn, BY_ITSELF_WITHIN_MS);
    drill.note(GAVE_UP);
    if (gaveUp.status === 'SUCCEEDED') throw new Error('the run went on without an answer');
    const next = await drill.run(
      'the next run begins by itself',
      ({ arn, startedAt }) => arn !== run.arn && startedAt >= run.startedAt,
      180_000,
    );
    await drill.ends(next.arn, 300_000);
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
  },
  promises: [...kept, notTakenBefore(GAVE_UP), lossWithin(60)],
};
