import type { Findings } from '../judge/measure.ts';
import { lossWithin, oneWriter, outageWithin, type Promised, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 5, rpoSeconds: 0 };
const RUN_BOUND_MS = 60_000;

const runsOf = ({ evidence, execution }: Findings) => evidence.executions.filter(({ region }) => region === execution?.region);

/** The first state refuses, and says which field is wrong. */
const refusedAtOnce = (field: string): Promised => ({
  text: `A wrong input fails in the first state, with the field '${field}' named`,
  broken: (findings) => {
    const refused = runsOf(findings).find(({ input }) => input.includes('fail-over'));
    if (refused?.status !== 'FAILED') return `the execution is ${refused?.status ?? 'not there'}`;
    const worked = refused.states.filter(({ works }) => works).map(({ name }) => name);
    if (worked.join() !== 'Read request') return `it got as far as ${worked.join(', ')}`;
    return refused.cause?.includes(field) ? undefined : `its cause does not name the field: ${refused.cause}`;
  },
});

/** `{}` from the console, while all is well, changes nothing. */
const emptyIsSafe = (): Promised => ({
  text: 'An empty input moves nothing: the outage is not confirmed',
  broken: (findings) => {
    const empty = runsOf(findings).find(({ input }) => input === '{}');
    if (empty?.status !== 'FAILED') return `the execution is ${empty?.status ?? 'not there'}`;
    const moved = empty.states.filter(({ name }) => ['Take lease', 'Promote database', 'Shift traffic'].includes(name));
    return moved.length === 0 ? undefined : `it went on to ${moved[0]!.name}`;
  },
});

export const refusedRequest: Scenario = {
  name: 'refused-request',
  title: 'A wrong input, and an empty one',
  story:
    'A person starts the machine with a misspelt mode, and then with no input at all while the workload is well. ' +
    'The first is refused in the first state; the second looks for an outage, finds none, and gives everything back.',
  objectives,
  async run(drill) {
    await drill.request(drill.recovery, { mode: 'fail-over', reason: 'a misspelt mode' }, RUN_BOUND_MS);
    await drill.request(drill.recovery, {}, RUN_BOUND_MS);
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
  },
  promises: [refusedAtOnce('mode'), emptyIsSafe(), outageWithin(objectives.rtoSeconds), lossWithin(0), oneWriter(), servedBy('primary')],
};
