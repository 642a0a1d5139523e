import { describe, expect, it } from 'vitest';
import { cellsOf, FAULTS, kindsOf, nameOf, sample } from '../../../lab/sweep/cells.ts';
import { faultOf } from '../../../lab/sweep/inject.ts';
import { wrongAnswersTo } from '../../../lab/sweep/lies.ts';
import type { AwsReply } from '../../../lab/types.ts';
import { call } from '../drill/history.ts';

const kinds = kindsOf([
  call({ principal: 'lifeboat-demo-take-lease', service: 'dynamodb', action: 'GetItem' }),
  call({ principal: 'lifeboat-demo-take-lease', service: 'dynamodb', action: 'GetItem' }),
  call({ principal: 'lifeboat-demo-promote-database', service: 'rds', action: 'PromoteReadReplica' }),
]);
const cells = cellsOf(kinds);

describe('the attacks', () => {
  it('are each kind of call of each step once with each fault that it can have', () => {
    expect(kinds).toEqual([
      { step: 'take-lease', service: 'dynamodb', action: 'GetItem' },
      { step: 'promote-database', service: 'rds', action: 'PromoteReadReplica' },
    ]);
    const names = cells.map(nameOf);
    // A strongly consistent read can be answered by nothing but the truth.
    expect(names).toHaveLength(2 * FAULTS.length - 1);
    expect(names).toContain('take-lease dynamodb:GetItem throttle-3');
    expect(names).toContain('promote-database rds:PromoteReadReplica wrong-answer (lost)');
  });

  it('of a sample are the same for the same seed, and others for another', () => {
    expect(sample(cells, 4, 7)).toEqual(sample(cells, 4, 7));
    expect(sample(cells, 100, 7)).toHaveLength(cells.length);
    expect(sample(cells, 100, 7)).not.toEqual(sample(cells, 100, 8));
  });

  it('hit the one function in its region; what is done meanwhile is done once', () => {
    const done: string[] = [];
    const deeds = { darken: () => done.push('dark'), kill: () => done.push('killed') };
    const where = { principal: 'f', source: 'us-west-2' };
    const of = (fault: (typeof FAULTS)[number]) => faultOf(cells.find((cell) => cell.fault === fault)!, where, deeds);
    expect(of('throttle-3')).toEqual({ ...where, service: 'dynamodb', action: 'GetItem', kind: 'throttle', count: 3 });
    const kill = of('killed');
    kill.onHit?.();
    kill.onHit?.();
    of('dark-here').onHit?.();
    expect(done).toEqual(['killed', 'dark']);
  });
});

describe('wrong answers', () => {
  const told = (service: string, action: string, name: string, ...answers: AwsReply[]): AwsReply[] => {
    const lie = wrongAnswersTo(service, action)
      .find((one) => one.name === name)!
      .lie();
    return answers.map((answer) => lie(answer, 'us-west-2'));
  };
  const describing = (status: string): AwsReply => ({
    status: 200,
    headers: { 'content-length': '9' },
    body: `<R><DBInstances><DBInstance><DBInstanceStatus>${status}</DBInstanceStatus></DBInstance></DBInstances></R>`,
  });

  it('say available too early, nothing at all, or what was', () => {
    const rds = (name: string, ...statuses: string[]) =>
      told('rds', 'DescribeDBInstances', name, ...statuses.map(describing)).map(({ body }) => /Status>(\w+)</.exec(String(body))?.[1]);
    expect(rds('early', 'modifying')).toEqual(['available']);
    expect(rds('empty', 'modifying')).toEqual([undefined]);
    expect(rds('stale', 'a', 'b', 'c', 'd', 'e')).toEqual(['a', 'a', 'a', 'a', 'e']);
    expect(told('rds', 'DescribeDBInstances', 'early', describing('modifying'))[0]!.headers).toEqual({});
  });

  it('are of the region that was asked', () => {
    const stale = wrongAnswersTo('rds', 'DescribeDBSnapshots')
      .find(({ name }) => name === 'stale')!
      .lie();
    const [east, west] = ['<R>east</R>', '<R>west</R>'].map((body): AwsReply => ({ status: 200, body }));
    expect([stale(east!, 'us-east-1'), stale(west!, 'us-west-2'), stale(west!, 'us-east-1')]).toEqual([east, west, east]);
  });

  it('say of snapshots that all are complete, or that there are none', () => {
    const body = '<R><DBSnapshots><DBSnapshot><Status>creating</Status></DBSnapshot></DBSnapshots></R>';
    const rds = (name: string) => String(told('rds', 'DescribeDBSnapshots', name, { status: 200, body })[0]!.body);
    expect(rds('early')).toBe(body.replace('creating', 'available'));
    expect(rds('empty')).toBe('<R><DBSnapshots></DBSnapshots></R>');
    expect(rds('stale')).toBe(body);
  });

  it('say that all tasks run, that there is no item, that an ended execution goes on', () => {
    const json = (service: string, action: string, name: string, body: object) =>
      JSON.parse(String(told(service, action, name, { status: 200, body: JSON.stringify(body) })[0]!.body));
    const services = [{ desiredCount: 2, runningCount: 0, pendingCount: 2 }];
    expect(json('ecs', 'DescribeServices', 'early', { services }).services).toEqual([
      { desiredCount: 2, runningCount: 2, pendingCount: 0 },
    ]);
    expect(json('dynamodb', 'Query', 'empty', { Items: [{}], Count: 1 })).toEqual({ Items: [], Count: 0, ScannedCount: 0 });
    expect(json('states', 'DescribeExecution', 'stale', { status: 'FAILED', stopDate: 1 })).toEqual({ status: 'RUNNING' });
  });

  it('call what was done an error; an error stays what it is', () => {
    expect(told('sns', 'Publish', 'lost', { status: 200, body: 'x' })[0]).toMatchObject({ status: 500, body: '' });
    expect(told('sns', 'Publish', 'lost', { status: 403, body: 'no' })[0]).toMatchObject({ status: 403, body: 'no' });
  });
});
