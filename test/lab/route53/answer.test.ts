import type { ResourceRecordSet } from '@aws-sdk/client-route-53';
import { describe, expect, test } from 'vitest';
import { failover, weighted } from '../../../lab/route53/answer.ts';

const primary: ResourceRecordSet = { Name: 'x.', Type: 'A', SetIdentifier: 'primary', Failover: 'PRIMARY' };
const secondary: ResourceRecordSet = { Name: 'x.', Type: 'A', SetIdentifier: 'secondary', Failover: 'SECONDARY' };
const among = (healthy: string[]) => (record: ResourceRecordSet) => healthy.includes(record.SetIdentifier!);

describe('failover', () => {
  test.each([
    [['primary', 'secondary'], 'primary'],
    [['primary'], 'primary'],
    [['secondary'], 'secondary'],
    [[], 'primary'],
  ])('healthy: %j -> %s', (healthy, chosen) => {
    expect(failover([secondary, primary], among(healthy))?.SetIdentifier).toBe(chosen);
  });
});

describe('weighted', () => {
  const set = [
    { SetIdentifier: 'none', Weight: 0 },
    { SetIdentifier: 'one', Weight: 1 },
    { SetIdentifier: 'three', Weight: 3 },
  ].map((record) => ({ Name: 'x.', Type: 'A' as const, ...record }));
  test.each([
    [['none', 'one', 'three'], 0, 'one'],
    [['none', 'one', 'three'], 0.24, 'one'],
    [['none', 'one', 'three'], 0.26, 'three'],
    [['none', 'three'], 0, 'three'],
    [['none'], 0.9, 'none'],
    [[], 0.9, 'three'],
  ])('healthy: %j, random %d -> %s', (healthy, random, chosen) => {
    expect(weighted(set, among(healthy), () => random)?.SetIdentifier).toBe(chosen);
  });
});
