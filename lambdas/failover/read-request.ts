import { z } from 'zod';
import { InvalidRequest } from '../kit/errors.ts';
import type { Incidents } from '../kit/incidents.ts';
import { type Environment, workloadOf } from '../kit/plan.ts';
import { defineStep, parseInput, type RunRequest } from '../kit/step.ts';
import { crowdOf } from './bounds.ts';

const input = z.strictObject({
  /** Taken from the execution by the machine. */
  execution: z.strictObject({ name: z.string().min(1), startedAt: z.iso.datetime({ offset: true }) }),
  /** What the person or the starter gave, unchecked until here. */
  given: z.unknown(),
});

const given = z.strictObject({
  workloads: z.array(z.string()).min(1).optional(),
  mode: z.enum(['failover', 'switchover']).default('failover'),
  dryRun: z.boolean().default(false),
  reason: z.string().min(1).optional(),
  trigger: z.enum(['alarm', 'person']).default('person'),
  detectedAt: z.iso.datetime({ offset: true }).optional(),
  /** The starter's: until then a run that an alarm began asks a person, whatever the policy. */
  cooldownUntil: z.iso.datetime({ offset: true }).optional(),
  /** Goes on with an incident whose run ended half-way, in its own mode; without `workloads` of those that it has opened. */
  incident: z
    .string()
    .regex(/^(?!index$)[^#\s]{1,80}$/, 'the name of an execution')
    .optional(),
});

/** Shorter, nobody could read the question. */
const SHORTEST_ANSWER_SECONDS = 30;

/**
 * The first state: checks what was given, and orders the workloads into waves, dependencies first. `{}` is valid: all workloads,
 * failover, and since it names no reason, it asks a person before it changes anything.
 * @throws InvalidRequest naming each wrong field, for more workloads than one run has room for, or an incident that nobody knows.
 */
export const readRequest = defineStep({
  name: 'read-request',
  input,
  throws: [],
  build: () => ({}),
  run: async ({ execution, given: raw }, { plan, incidents, now }) => {
    const { workloads, ...asked } = parseInput(given, raw);
    const names = workloads ?? (await workloadsOf(asked.incident, plan, incidents));
    const unknown = names.filter((name) => !plan.workloads.some((workload) => workload.name === name));
    if (unknown.length > 0)
      throw new InvalidRequest(`workloads: ${unknown.join(', ')} unknown; known: ${plan.workloads.map(({ name }) => name).join(', ')}`);
    const crowd = crowdOf(names);
    if (crowd) throw new InvalidRequest(crowd);
    const request: RunRequest = {
      incident: asked.incident ?? execution.name,
      execution: execution.name,
      mode: asked.mode,
      dryRun: asked.dryRun,
      trigger: asked.trigger,
      reason: asked.reason ?? 'none given',
      detectedAt: asked.detectedAt ?? null,
      approvalRequired:
        !asked.dryRun && (asked.reason === undefined || (asked.trigger === 'alarm' && !actsAlone(plan, asked.cooldownUntil))),
      answerWithinSeconds: answerWithin(plan, asked.cooldownUntil, now()),
      cooldownUntil: asked.cooldownUntil ? new Date(asked.cooldownUntil).toISOString() : null,
      startedAt: new Date(execution.startedAt).toISOString(),
    };
    return { request, waves: wavesOf(plan, names) };
  },
});
export const handler = readRequest.handler;

const actsAlone = ({ failover }: Environment, cooldownUntil: string | undefined): boolean =>
  failover.policy === 'automatic' && cooldownUntil === undefined;

/** All, or those that an incident which is gone on with has left half-way or ended well. */
const workloadsOf = async (incident: string | undefined, plan: Environment, incidents: Pick<Incidents, 'find'>): Promise<string[]> => {
  const all = plan.workloads.map(({ name }) => name);
  if (!incident) return all;
  const found = await Promise.all(all.map((name) => incidents.find(incident, name)));
  // One that was aborted is where it was: what refused it then has to be asked anew, by name or by a run of its own.
  const halfWay = all.filter((_, i) => found[i] && found[i].outcome !== 'aborted');
  if (halfWay.length > 0) return halfWay;
  const which = found.some(Boolean)
    ? 'was aborted for all its workloads, so that nothing is left half-way'
    : 'is none of any workload here';
  throw new InvalidRequest(`incident: '${incident}' ${which}; name its workloads, or leave the field out`);
};

/** In an automatic environment's cool-down until its end: from then on nobody need be asked. */
const answerWithin = ({ failover }: Environment, cooldownUntil: string | undefined, now: number): number => {
  if (failover.policy !== 'automatic' || !cooldownUntil) return failover.approvalTimeoutMinutes * 60;
  const rest = Math.ceil((Date.parse(cooldownUntil) - now) / 1000);
  return Math.min(Math.max(rest, SHORTEST_ANSWER_SECONDS), failover.cooldownMinutes * 60);
};

/** Workloads whose dependencies (among those named) are in earlier waves. The environment has no cycles: checked at synth. */
export const wavesOf = (plan: Environment, names: readonly string[]): string[][] => {
  const waves: string[][] = [];
  let left = [...new Set(names)];
  while (left.length > 0) {
    const wave = left.filter((name) => !workloadOf(plan, name).dependsOn.some((dependency) => left.includes(dependency)));
    if (wave.length === 0) throw new InvalidRequest(`workloads: ${left.join(', ')} depend on each other`);
    waves.push(wave);
    left = left.filter((name) => !wave.includes(name));
  }
  return waves;
};
