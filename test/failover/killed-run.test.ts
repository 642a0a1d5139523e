import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { abortIncident } from '../../lambdas/failover/abort-incident.ts';
import { askApproval } from '../../lambdas/failover/ask-approval.ts';
import { closeIncident } from '../../lambdas/failover/close-incident.ts';
import { confirmOutage } from '../../lambdas/failover/confirm-outage.ts';
import { fenceWriter } from '../../lambdas/failover/fence-writer.ts';
import { measureLag } from '../../lambdas/failover/measure-lag.ts';
import { openIncident } from '../../lambdas/failover/open-incident.ts';
import { promoteDatabase } from '../../lambdas/failover/promote-database.ts';
import { reprotectDatabase } from '../../lambdas/failover/reprotect-database.ts';
import { scaleCompute } from '../../lambdas/failover/scale-compute.ts';
import { settleApproval } from '../../lambdas/failover/settle-approval.ts';
import { shiftTraffic } from '../../lambdas/failover/shift-traffic.ts';
import { takeLease } from '../../lambdas/failover/take-lease.ts';
import { verifyApplication } from '../../lambdas/failover/verify-application.ts';
import { verifyPublicName } from '../../lambdas/failover/verify-public-name.ts';
import { Approvals } from '../../lambdas/kit/approvals.ts';
import { NotReady } from '../../lambdas/kit/errors.ts';
import { Incidents } from '../../lambdas/kit/incidents.ts';
import type { Ledger } from '../../lambdas/kit/ledger.ts';
import { parseInput, runStep, type StepDefinition } from '../../lambdas/kit/step.ts';
import { baseFor, databaseOf, leaseOf, MemoryPledges, NOW, request } from '../kit/services.ts';
import { statesOf } from '../statemachines/machine.ts';
import { Killed, type WalkMachine, walk } from '../statemachines/walk.ts';

const machine = JSON.parse(readFileSync('statemachines/failover.asl.json', 'utf8'));
/** One workload's part of a run. */
const inner: WalkMachine = machine.States['Recover waves'].ItemProcessor.States['Recover workloads'].ItemProcessor;

const steps = {
  'Open incident': openIncident,
  'Confirm outage': confirmOutage,
  'Measure lag': measureLag,
  'Ask for approval': askApproval,
  'Settle approval': settleApproval,
  'Fence writer': fenceWriter,
  'Take lease': takeLease,
  'Promote database': promoteDatabase,
  'Scale compute first': scaleCompute,
  'Scale compute': scaleCompute,
  'Verify application': verifyApplication,
  'Shift traffic': shiftTraffic,
  'Verify public name': verifyPublicName,
  'Reprotect database': reprotectDatabase,
  'Close incident': closeIncident,
  'Abort incident': abortIncident,
} as unknown as Record<string, StepDefinition<never, unknown, unknown>>;

const WRITES = ['claim', 'dropClaim', 'take', 'serve', 'put', 'set'];

/** The workload and its site, with a primary region that is gone. What was done to them is counted. */
const makeWorld = () => {
  const base = baseFor(leaseOf());
  const world = {
    now: NOW,
    role: 'replica',
    promotions: 0,
    tasks: 0,
    capacity: 2,
    killAt: Number.POSITIVE_INFINITY,
    writes: 0,
    dead: false,
    thinksForMs: 0,
    meanwhile: () => {},
    down: true,
  };
  const ledger = new Proxy(base.memory, {
    get: (memory, name: string) => {
      const method = (memory as unknown as Record<string, unknown>)[name];
      if (!WRITES.includes(name)) return method;
      return async (...all: unknown[]) => {
        if (world.dead) throw new Killed();
        const answer = await (method as (...all: unknown[]) => Promise<unknown>)(...all);
        world.dead ||= ++world.writes === world.killAt;
        if (world.dead) throw new Killed();
        return answer;
      };
    },
  }) as unknown as Ledger;
  const database = databaseOf({
    standby: async () => ({ inRecovery: world.role === 'replica', replayLsn: '0/1', heartbeatAt: NOW - 4_000 }),
    promote: async () => {
      if (world.role === 'writer') return { writableAt: '' };
      world.promotions++;
      world.role = 'writer';
      throw new NotReady('is being promoted');
    },
  });
  const adapter = {
    name: 'orders',
    read: async () => ({ desired: world.tasks, ready: world.tasks }),
    scale: async (to: number) => void Object.assign(world, { tasks: Math.min(to, world.capacity) }),
  };
  const services = {
    ...base,
    ledger,
    incidents: new Incidents(ledger),
    now: () => world.now,
    hasEnded: async () => true,
    observations: {
      latest: async () => [
        {
          workload: 'orders',
          observer: 'us-east-2',
          target: 'primary',
          verdict: world.down ? 'unhealthy' : 'healthy',
          reason: '',
          at: world.now,
          since: NOW - 30_000,
        },
      ],
    },
    request: async (url: string) => {
      const up = url.includes('reference') || !world.down || (world.role === 'writer' && !url.includes('us-east-1'));
      return up ? { kind: 'answered', status: 200, milliseconds: 1 } : { kind: 'silent', reason: 'timeout' };
    },
    databasesFor: () => [database],
    computeFor: () => [{ adapter, config: base.plan.workloads[0]!.compute[0]! }],
    tell: async () => undefined,
    save: async () => 's3://record',
    put: async () => undefined,
    link: undefined,
    pledges: new MemoryPledges(),
    clock: { verdict: () => 'within' as const },
  };
  return { world, services, memory: base.memory };
};
type World = ReturnType<typeof makeWorld>;

/** A person does, some time after the question. */
const approve = async ({ memory, incidents }: Pick<World['services'], 'memory' | 'incidents'>, world: World['world']) => {
  world.now += world.thinksForMs;
  world.meanwhile();
  const given = { verdict: 'approved', by: 'ada', via: 'command', at: new Date(world.now).toISOString(), reason: 'go' } as const;
  const approvals = new Approvals(memory as unknown as Ledger, incidents);
  await approvals.answer({ incident: 'run-1', workload: 'orders', now: world.now }, given, async () => 'delivered');
  return given;
};

/** A run, until its end or until it is killed: before this state, or with its n-th write to the ledger. */
const runOnce = async (
  { world, services }: World,
  {
    execution,
    killBefore,
    killAtWrite = Number.POSITIVE_INFINITY,
    asks = false,
    mode = 'failover',
  }: { execution: string; mode?: 'failover' | 'switchover'; killBefore?: string; killAtWrite?: number; asks?: boolean },
) => {
  Object.assign(world, { writes: 0, killAt: killAtWrite, dead: false });
  const visited: string[] = [];
  const engine = {
    tick: () => void Object.assign(world, { now: world.now + 2_000 }),
    task: async (state: string, payload: Record<string, unknown>) => {
      if (state === killBefore) throw new Killed();
      visited.push(state);
      const step = steps[state]!;
      const output = await runStep(step, parseInput(step.input, payload), services as never).finally(() => {
        // A step goes on without a line of its timeline; one that was killed does not.
        if (world.dead) throw new Killed();
      });
      if (state === 'Ask for approval') return approve(services, world);
      return JSON.parse(JSON.stringify(output ?? null)) as unknown;
    },
  };
  const asked = request({ incident: 'run-1', execution, approvalRequired: asks, mode });
  const end = await walk(inner, { workload: 'orders', request: asked }, engine).catch((error: unknown) => {
    if (error instanceof Killed || world.dead) return 'killed' as const;
    throw error;
  });
  return { end, visited, writes: world.writes };
};

const expectRecoveredOnce = async ({ world, memory }: World) => {
  expect(memory.current).toMatchObject({ holder: 'recovery', epoch: 4, serving: 'recovery', claim: undefined });
  expect({ promotions: world.promotions, role: world.role, tasks: world.tasks }).toEqual({ promotions: 1, role: 'writer', tasks: 2 });
  const incident = await new Incidents(memory as unknown as Ledger).find('run-1', 'orders');
  expect(incident).toMatchObject({ outcome: 'recovered', epoch: 3, takenEpoch: 4 });
  expect(await memory.list('incident#index')).toMatchObject([{ incident: 'run-1', workload: 'orders' }]);
};

/** A planned move's alone. */
const OF_SWITCHOVERS = ['Scale compute first'];
const tasks = statesOf(inner as never)
  .filter(({ name, state }) => state.Type === 'Task' && !OF_SWITCHOVERS.includes(name))
  .map(({ name }) => name);
/** Those that a run only comes to when something went wrong. */
const OF_FAILURES = ['Settle approval', 'Abort incident'];

it('walks through every state of a good run, as the machine orders them', async () => {
  const world = makeWorld();
  const { end, visited } = await runOnce(world, { execution: 'run-1', asks: true });
  expect(end).toMatchObject({ outcome: 'recovered' });
  expect([...new Set(visited)].sort()).toEqual(tasks.filter((name) => !OF_FAILURES.includes(name)).sort());
  await expectRecoveredOnce(world);
});

describe('a run that is killed and started again on the same incident ends well, and does nothing twice', () => {
  it.each(tasks.filter((name) => !OF_FAILURES.includes(name)))("killed before '%s'", async (killBefore) => {
    const world = makeWorld();
    expect((await runOnce(world, { execution: 'run-1', killBefore, asks: true })).end).toBe('killed');
    expect((await runOnce(world, { execution: 'run-2', asks: true })).end).toMatchObject({ outcome: 'recovered' });
    await expectRecoveredOnce(world);
  });

  it('killed with each of its writes to the ledger: the write is done, its answer and all after it are lost', async () => {
    const { writes } = await runOnce(makeWorld(), { execution: 'run-1', asks: true });
    expect(writes).toBeGreaterThan(40);
    for (let write = 1; write <= writes; write++) {
      const world = makeWorld();
      expect((await runOnce(world, { execution: 'run-1', killAtWrite: write, asks: true })).end).toBe('killed');
      expect((await runOnce(world, { execution: 'run-2', asks: true })).end, `killed at write ${write}`).toMatchObject({
        outcome: 'recovered',
      });
      await expectRecoveredOnce(world);
    }
  });

  it('killed again and again, before each state in turn', async () => {
    const world = makeWorld();
    for (const [n, killBefore] of tasks.entries()) await runOnce(world, { execution: `run-${n + 1}`, killBefore });
    await runOnce(world, { execution: 'run-last' });
    await expectRecoveredOnce(world);
  });
});

describe('a planned move', () => {
  it('stops nobody before its own compute is there', async () => {
    const world = makeWorld();
    Object.assign(world.world, { down: false, capacity: 1 });
    const { end, visited } = await runOnce(world, { execution: 'run-1', mode: 'switchover' });
    expect(end).toMatchObject({ outcome: 'aborted', detail: expect.stringContaining('1 of 2 tasks run') });
    expect(visited).not.toContain('Fence writer');
    expect(world.memory.current).toMatchObject({ holder: 'primary', epoch: 3, claim: undefined });
    expect(world.world.tasks).toBe(0);
  });

  it('stops the writer only then', async () => {
    const world = makeWorld();
    Object.assign(world.world, { down: false });
    const { visited } = await runOnce(world, { execution: 'run-1', mode: 'switchover' });
    expect(visited.indexOf('Scale compute first')).toBeGreaterThan(0);
    expect(visited.indexOf('Fence writer')).toBeGreaterThan(visited.lastIndexOf('Scale compute first'));
  });
});

describe('what was approved is looked at once more', () => {
  const HOUR_MS = 3_600_000;
  /** The writer wrote on for so long, and nothing of it arrived. */
  const writesOn = ({ memory }: World, ms: number) => Object.assign(memory.current!, { heartbeatAt: NOW + ms });

  it('a site that came back while a person was asked serves on', async () => {
    const world = makeWorld();
    Object.assign(world.world, { thinksForMs: 55 * 60_000, meanwhile: () => Object.assign(world.world, { down: false }) });
    const { end, visited } = await runOnce(world, { execution: 'run-1', asks: true });
    expect(end).toMatchObject({ outcome: 'aborted' });
    expect(visited).not.toContain('Fence writer');
    expect(world.memory.current).toMatchObject({ holder: 'primary', epoch: 3 });
  });

  it('a loss that grew by more than the objective is asked about again, and no more than that is ever accepted', async () => {
    const world = makeWorld();
    const grown = [HOUR_MS / 2];
    Object.assign(world.world, { thinksForMs: 60_000, meanwhile: () => void (grown.length > 0 && writesOn(world, grown.shift()!)) });
    const { end, visited } = await runOnce(world, { execution: 'run-1', asks: true });
    expect(end).toMatchObject({ outcome: 'recovered' });
    expect(visited.filter((state) => state === 'Ask for approval')).toHaveLength(2);
    const incident = await new Incidents(world.memory as unknown as Ledger).find('run-1', 'orders');
    expect(incident).toMatchObject({ acceptedLoss: { lag: { kind: 'known', seconds: HOUR_MS / 2000 + 4 }, by: 'ada' } });
  });

  it('an approval of another hour is none: a run that goes on much later asks again', async () => {
    const world = makeWorld();
    expect((await runOnce(world, { execution: 'run-1', killBefore: 'Fence writer', asks: true })).end).toBe('killed');
    world.world.now += HOUR_MS / 2;
    const { end, visited } = await runOnce(world, { execution: 'run-2', asks: true });
    expect(end).toMatchObject({ outcome: 'recovered' });
    expect(visited).toContain('Ask for approval');
  });

  it('a loss that grew by less is covered', async () => {
    const world = makeWorld();
    Object.assign(world.world, { thinksForMs: 60_000, meanwhile: () => writesOn(world, 30_000) });
    const { end, visited } = await runOnce(world, { execution: 'run-1', asks: true });
    expect(end).toMatchObject({ outcome: 'recovered' });
    expect(visited.filter((state) => state === 'Ask for approval')).toHaveLength(1);
    expect(visited.filter((state) => state === 'Confirm outage')).toHaveLength(2);
  });
});
