import { describe, expect, it } from 'vitest';
import { RecoveryPoints, type Verification } from '../../lambdas/kit/recovery-points.ts';
import { baseFor } from './services.ts';

const point = {
  id: 'p',
  workload: 'orders',
  database: 'orders',
  tier: 'daily',
  dueAt: '2026-11-20T02:15:00.000Z',
  takenAt: '2026-11-20T02:16:00.000Z',
  instance: 'orders-primary',
  engine: 'postgres',
  engineVersion: '18.4',
  allocatedGb: 20,
  copies: [],
};
const verification: Verification = { run: 'r', region: 'us-east-1', at: '2026-11-20T05:00:00.000Z', checks: [] };
const proven = { standing: 'verified' as const, provenInPrimaryAt: verification.at, verification };

describe('a recovery point that is recorded again', () => {
  const recorded = async () => {
    const points = new RecoveryPoints(baseFor().ledger);
    await points.record(point);
    await points.note(point, { ...proven, holdUntil: '2027-01-01T00:00:00.000Z' });
    return points;
  };

  it('keeps what was found of its snapshot', async () => {
    const points = await recorded();
    await points.record({ ...point, sizeBytes: 7 });
    expect(await points.find(point)).toMatchObject({ ...proven, sizeBytes: 7 });
  });

  it('is unproven when the snapshot is another one, which only has the name', async () => {
    const points = await recorded();
    await points.record({ ...point, takenAt: '2026-11-21T09:00:00.000Z' });
    const found = await points.find(point);
    expect(found).toMatchObject({ standing: 'unverified', holdUntil: '2027-01-01T00:00:00.000Z' });
    expect(found).not.toHaveProperty('provenInPrimaryAt');
    expect(found).not.toHaveProperty('verification');
  });
});
