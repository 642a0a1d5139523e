import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { statesOf } from '../../../lab/drill/history.ts';
import { judge } from '../../../lab/drill/judge/verdict.ts';
import { reportHtml } from '../../../lab/drill/report.ts';
import { regionFailure } from '../../../lab/drill/scenarios/region-failure.ts';
import { failover, ms, refused, run } from './history.ts';

describe('the report', () => {
  it('is one file that needs no other and runs nothing', () => {
    const html = reportHtml(regionFailure, judge(regionFailure, failover()));
    expect(html).toContain('Promises held');
    expect(html).toMatch(/<svg[^>]+viewBox/);
    expect(html).not.toMatch(/<script|https?:|url\(|@import|NaN|undefined|Infinity/);
  });

  it('says what was broken, and shows what others wrote as text', () => {
    const evidence = failover({ executions: [run({ status: 'FAILED', cause: '<img src=x>' })] });
    const html = reportHtml(regionFailure, judge(regionFailure, evidence));
    expect(html).toContain('Promise broken');
    expect(html).toContain('is FAILED: &#60;img src=x&#62;');
    expect(html).not.toContain('<img');
  });

  it('can be drawn when nothing was ever acknowledged and nothing ran', () => {
    const html = reportHtml(
      regionFailure,
      judge(regionFailure, failover({ attempts: [refused(21)], executions: [], alarms: [], calls: [] })),
    );
    expect(html).not.toMatch(/NaN|Infinity/);
  });
});

describe('states of a history', () => {
  const event = (at: number, type: string, name?: string): HistoryEvent => ({
    id: at,
    timestamp: new Date(ms(at)),
    type: type as HistoryEvent['type'],
    ...(type.endsWith('Entered') ? { stateEnteredEventDetails: { name: name! } } : {}),
    ...(type.endsWith('Exited') ? { stateExitedEventDetails: { name: name! } } : {}),
  });

  it('pairs entries with exits in order, and ends with the execution what an error ended', () => {
    const states = statesOf([
      event(0, 'ExecutionStarted'),
      event(1, 'MapStateEntered', 'Recover'),
      event(2, 'TaskStateEntered', 'Promote'),
      event(3, 'TaskStateEntered', 'Promote'),
      event(4, 'TaskStateExited', 'Promote'),
      event(5, 'ExecutionFailed'),
    ]);
    expect(states).toEqual([
      { name: 'Recover', works: false, enteredAt: ms(1), exitedAt: ms(5) },
      { name: 'Promote', works: true, enteredAt: ms(2), exitedAt: ms(4) },
      { name: 'Promote', works: true, enteredAt: ms(3), exitedAt: ms(5) },
    ]);
  });

  it('leaves open what still runs', () => {
    expect(statesOf([event(1, 'TaskStateEntered', 'Promote')])[0]?.exitedAt).toBeUndefined();
  });
});
