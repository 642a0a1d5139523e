import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeClustersCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  StopTaskCommand,
  TagResourceCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, until } from './fixture.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await new Bench().start();
  await bench.client.send(new CreateClusterCommand({ clusterName: 'orders' }));
});
afterEach(() => bench.stop());

async function define(environment: Record<string, string> = {}, image = 'app', memory = 512): Promise<string> {
  const container = { name: 'app', image, memory, environment: Object.entries(environment).map(([name, value]) => ({ name, value })) };
  const { taskDefinition } = await bench.client.send(
    new RegisterTaskDefinitionCommand({ family: 'orders', containerDefinitions: [container] }),
  );
  return taskDefinition!.taskDefinitionArn!;
}

const create = (taskDefinition: string, desiredCount: number) =>
  bench.client.send(
    new CreateServiceCommand({
      cluster: 'orders',
      serviceName: 'orders',
      taskDefinition,
      desiredCount,
      loadBalancers: [{ loadBalancerName: 'orders', containerName: 'app', containerPort: 8080 }],
    }),
  );
const service = async () =>
  (await bench.client.send(new DescribeServicesCommand({ cluster: 'orders', services: ['orders'] }))).services![0]!;
const tasks = async (desiredStatus: 'RUNNING' | 'STOPPED' = 'RUNNING') => {
  const { taskArns } = await bench.client.send(new ListTasksCommand({ cluster: 'orders', desiredStatus }));
  return (await bench.client.send(new DescribeTasksCommand({ cluster: 'orders', tasks: taskArns }))).tasks!;
};
const steady = (count: number) =>
  until(service, (s) => s.runningCount === count && s.deployments?.length === 1 && (s.events?.[0]?.message ?? '').includes('steady state'));
const update = (input: { desiredCount?: number; forceNewDeployment?: boolean; taskDefinition?: string }) =>
  bench.client.send(new UpdateServiceCommand({ cluster: 'orders', service: 'orders', ...input }));

describe('the API, through the real client', () => {
  it('keeps clusters, revisions, services and tags', async () => {
    await define();
    const arn = await define({ A: 'b' });
    expect(arn).toBe('arn:aws:ecs:us-east-1:000000000000:task-definition/orders:2');
    const { taskDefinition } = await bench.client.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'orders' }));
    expect(taskDefinition).toMatchObject({ revision: 2, status: 'ACTIVE' });
    await create('orders:1', 0);
    await bench.client.send(new TagResourceCommand({ resourceArn: (await service()).serviceArn!, tags: [{ key: 'a', value: 'b' }] }));
    expect(await service()).toMatchObject({
      status: 'ACTIVE',
      desiredCount: 0,
      runningCount: 0,
      taskDefinition: expect.stringMatching(/:1$/),
    });
    const { clusters, failures } = await bench.client.send(new DescribeClustersCommand({ clusters: ['orders', 'none'] }));
    expect(clusters).toMatchObject([{ clusterName: 'orders', activeServicesCount: 1 }]);
    expect(failures).toMatchObject([{ reason: 'MISSING' }]);
    expect((await service()).createdAt).toBeInstanceOf(Date);
  });

  it.each([
    ['ClusterNotFoundException', () => bench.client.send(new DescribeServicesCommand({ cluster: 'none', services: ['orders'] }))],
    ['ServiceNotFoundException', () => update({ desiredCount: 1 })],
    ['ClientException', () => create('none:1', 1)],
  ])('says %s', async (name, ask) => {
    await expect(ask()).rejects.toMatchObject({ name });
  });
});

describe('tasks are processes', () => {
  it('runs them to the desired count, balances over them, and scales in with SIGTERM', async () => {
    await create(await define({ NAME: 'one' }), 2);
    await steady(2);
    const answers = await Promise.all([1, 2, 3, 4].map(() => bench.get('/')));
    expect(new Set(answers.map((answer) => answer.pid)).size).toBe(2);
    await update({ desiredCount: 0 });
    await steady(0);
    const stopped = await until(
      () => tasks('STOPPED'),
      (list) => list.length === 2 && list.every((task) => task.lastStatus === 'STOPPED'),
    );
    expect(stopped[0]).toMatchObject({ stopCode: 'ServiceSchedulerInitiated', containers: [{ exitCode: 0 }] });
    expect((await bench.get('/')).status).toBe(503);
  });

  it('kills what does not stop in time', async () => {
    await create(await define({ IGNORE_TERM: 'yes' }), 1);
    await steady(1);
    const [task] = await tasks();
    await bench.client.send(new StopTaskCommand({ cluster: 'orders', task: task!.taskArn, reason: 'by hand' }));
    const stopped = await until(
      () => tasks('STOPPED'),
      (list) => list[0]?.lastStatus === 'STOPPED',
    );
    expect(stopped[0]).toMatchObject({ stoppedReason: 'by hand', stopCode: 'UserInitiated', containers: [{ exitCode: 137 }] });
    await steady(1);
  });

  it('replaces what dies, with a growing pause', async () => {
    await create(await define({ DIE_AFTER_MS: '1' }), 1);
    const dead = await until(
      () => tasks('STOPPED'),
      (list) => list.length >= 3,
    );
    expect(dead[0]).toMatchObject({ stoppedReason: 'Essential container in task exited', containers: [{ exitCode: 3 }] });
    const pauses = dead.slice(1).map((task, index) => task.createdAt!.getTime() - dead[index]!.stoppedAt!.getTime());
    expect(pauses[0]).toBeGreaterThanOrEqual(95);
    expect(pauses[1]).toBeGreaterThanOrEqual(195);
    expect((await service()).deployments?.[0]).toMatchObject({ rolloutState: 'IN_PROGRESS', failedTasks: expect.any(Number) });
  });

  it('names an out-of-memory kill and an image that is not there', async () => {
    await create(await define({ EAT: 'yes' }, 'app', 128), 1);
    const [eater] = await until(
      () => tasks('STOPPED'),
      (list) => list.length > 0,
    );
    expect(eater).toMatchObject({ stoppedReason: expect.stringContaining('OutOfMemoryError'), containers: [{ exitCode: 137 }] });
    await update({ taskDefinition: await define({}, 'no-such-image') });
    const stopped = await until(
      () => tasks('STOPPED'),
      (list) => list.some((task) => task.stopCode === 'TaskFailedToStart'),
    );
    expect(stopped.find((task) => task.stopCode === 'TaskFailedToStart')?.stoppedReason).toContain('CannotPullContainerError');
  });
});

describe('rollouts and load balancing', () => {
  it('replaces a revision without an unanswered request', async () => {
    await create(await define({ NAME: 'one' }), 2);
    await steady(2);
    await update({ taskDefinition: await define({ NAME: 'two' }) });
    const seen = new Set<string>();
    await until(
      () => bench.get('/'),
      (answer) => {
        expect(answer.status).toBe(200);
        seen.add(answer.body);
        return seen.size === 2;
      },
    );
    const settled = await steady(2);
    expect(settled.deployments).toMatchObject([{ status: 'PRIMARY', rolloutState: 'COMPLETED', runningCount: 2 }]);
    const before = (await tasks()).map((task) => task.taskArn);
    await update({ forceNewDeployment: true });
    await steady(2);
    expect((await tasks()).filter((task) => before.includes(task.taskArn))).toEqual([]);
  });

  it('leaves out a task whose health path fails, and answers 503 when none is left', async () => {
    await create(await define(), 2);
    await steady(2);
    const broken = (await bench.get('/break')).pid;
    await until(
      async () => (await Promise.all([1, 2, 3, 4].map(() => bench.get('/')))).map((answer) => answer.pid),
      (pids) => !pids.includes(broken),
    );
    await bench.get('/break');
    await until(
      () => bench.get('/'),
      (answer) => answer.status === 503,
    );
  });
});

describe('a blackout', () => {
  it('kills the tasks of the region, and the region starts them again', async () => {
    await create(await define(), 2);
    await steady(2);
    await bench.world.blackout('us-east-1');
    expect((await service()).runningCount).toBe(0);
    expect((await tasks('STOPPED')).map((task) => task.containers?.[0]?.exitCode)).toEqual([137, 137]);
    await bench.world.restore('us-east-1');
    await until(service, (s) => s.runningCount === 2);
  });
});
