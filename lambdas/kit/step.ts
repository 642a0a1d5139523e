import { z } from 'zod';
import { setDryRun } from './clients.ts';
import { classify, type ErrorClass, InvalidRequest, messageOf } from './errors.ts';
import { Incidents, type TimelineEntry } from './incidents.ts';
import { Ledger } from './ledger.ts';
import { log } from './log.ts';
import { type Environment, loadPlan, type SiteName, siteOf } from './plan.ts';

/** What every step is given; a test passes a literal object instead. */
export interface Base {
  plan: Environment;
  region: string;
  /** The site that this function stands in, which is the one that it activates. */
  site: SiteName;
  ledger: Ledger;
  incidents: Incidents;
  /** Epoch milliseconds. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

/** A run's request as `read-request` validated it; it travels unchanged through the machine. */
export const runRequest = z.strictObject({
  incident: z.string().min(1),
  /** Name of the execution; an incident that was interrupted is gone on with by another one. */
  execution: z.string().min(1),
  mode: z.enum(['failover', 'switchover']),
  dryRun: z.boolean(),
  trigger: z.enum(['alarm', 'person']),
  reason: z.string(),
  detectedAt: z.iso.datetime().nullable(),
  approvalRequired: z.boolean(),
  /** How long a person who is asked has to answer. */
  answerWithinSeconds: z.number().int().positive(),
  /** Until then an automatic move asks. */
  cooldownUntil: z.iso.datetime().nullable(),
  startedAt: z.iso.datetime(),
});
export type RunRequest = z.infer<typeof runRequest>;

/** What a step that works on one workload receives; steps that need more extend it. */
export const workloadRun = z.strictObject({ workload: z.string(), request: runRequest });
export type WorkloadRun = z.infer<typeof workloadRun>;

export interface StepDefinition<Input extends z.ZodType, Services, Output> {
  /** The file's name and the name in every other folder. */
  name: string;
  input: Input;
  /** The errors that a machine may name for this step, beside `Transient` and `InvalidRequest`. */
  throws: readonly ErrorClass[];
  /** Runs once per cold start. */
  build: (base: Base) => Services;
  run: (input: z.output<Input>, services: Base & Services) => Promise<Output>;
}

export interface Step<Input extends z.ZodType, Services, Output> extends StepDefinition<Input, Services, Output> {
  handler: (event: unknown) => Promise<Output>;
}

/** Makes a Lambda of a step: strict input, services built once, start and end in the incident's timeline, errors under their names. */
export const defineStep = <Input extends z.ZodType, Services, Output>(
  definition: StepDefinition<Input, Services, Output>,
): Step<Input, Services, Output> => {
  let built: (Base & Services) | undefined;
  const handler = async (event: unknown): Promise<Output> => {
    const input = parseInput(definition.input, event);
    if (!built) {
      const base = buildBase();
      built = { ...base, ...definition.build(base) };
    }
    return runStep(definition, input, built);
  };
  return { ...definition, handler };
};

/** The middle of the handler, apart so that tests can run it with their own services. */
export const runStep = async <Input extends z.ZodType, Services, Output>(
  { name, run }: StepDefinition<Input, Services, Output>,
  input: z.output<Input>,
  services: Base & Services,
): Promise<Output> => {
  const record = recorderFor(name, input, services);
  setDryRun(isRun(input) && input.request.dryRun);
  const started = record('started');
  try {
    const output = await run(input, services);
    await Promise.all([started, record('succeeded', output)]);
    return output;
  } catch (error) {
    const classified = classify(error);
    await Promise.all([started, record('failed', messageOf(classified))]);
    throw classified;
  }
};

/** @throws InvalidRequest naming each field, what is wrong with it, and nothing of the rest of the input. */
export const parseInput = <Input extends z.ZodType>(schema: Input, event: unknown): z.output<Input> => {
  const result = schema.safeParse(event);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.map(String).join('.') || '(input)'}: ${issue.message}`);
  throw new InvalidRequest(problems.join('; '), { cause: result.error });
};

const isRun = (input: unknown): input is WorkloadRun =>
  typeof input === 'object' && input !== null && 'workload' in input && 'request' in input;

/** For so long, in milliseconds, a line of the timeline may hold up its step: some 200 times what a write takes. */
const EVIDENCE_WITHIN_MS = 2_000;

/**
 * Writes lines of the timeline. They are evidence and decide nothing, so a line that cannot be written in time goes to the function's
 * log instead and never fails, or hides the failure of, a step that did its work. Never rejects.
 */
const recorderFor =
  (step: string, input: unknown, { incidents, now }: Base) =>
  async (state: TimelineEntry['state'], detail?: unknown): Promise<void> => {
    if (!isRun(input) || input.request.dryRun) return;
    const { workload, request } = input;
    const { incident } = request;
    const entry = { at: new Date(now()).toISOString(), step, state, detail };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer in ${EVIDENCE_WITHIN_MS} ms`)), EVIDENCE_WITHIN_MS);
    });
    try {
      await Promise.race([incidents.append(incident, workload, entry), late]);
    } catch (error) {
      log('timeline-not-written', { incident, workload, ...entry, error: messageOf(error) });
    } finally {
      clearTimeout(timer);
    }
  };

const buildBase = (): Base => {
  const plan = loadPlan();
  const region = required('AWS_REGION');
  const site = siteOf(plan, region);
  if (!site) throw new Error(`region ${region} is no site of environment '${plan.name}': this step runs in a site`);
  const ledger = new Ledger(required('LIFEBOAT_LEDGER_TABLE'));
  return {
    plan,
    region,
    site,
    ledger,
    incidents: new Incidents(ledger),
    now: Date.now,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
};

/** @throws Error naming the variable: a function without it was deployed wrongly. */
export const required = (variable: string): string => {
  const value = process.env[variable];
  if (value) return value;
  throw new Error(`environment variable ${variable} is missing: deploy again with this version's stacks`);
};
