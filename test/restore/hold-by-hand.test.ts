import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import demo from '../../environments/demo-backup.ts';
import { Names } from '../../infra/names.ts';
import { removable } from '../../lambdas/backup/retention.ts';
import type { Ledger } from '../../lambdas/kit/ledger.ts';
import { type RecoveryPoint, RecoveryPoints } from '../../lambdas/kit/recovery-points.ts';
import { MemoryLedger } from '../kit/services.ts';

const [, section] = readFileSync('docs/runbook.md', 'utf8').split('## Procedure: look up and hold recovery points');
const [look, hold] = [...section!.matchAll(/```\n([^`]+)```/g)].map(([, command]) => command!);
/** What the command gives an option, with the names of a point filled in. */
const given = (command: string, option: string, point: RecoveryPoint): string =>
  new RegExp(`--${option} ('[^']+'|\\S+)`)
    .exec(command)![1]!
    .replaceAll("'", '')
    .replaceAll(/<(workload|database|dueAt|id)>/g, (_, field: 'workload' | 'database' | 'dueAt' | 'id') => point[field])
    .replace('<env>', demo.name);

const pointAt = (day: number): RecoveryPoint => ({
  id: `point-${day}`,
  workload: 'orders',
  database: 'orders',
  tier: 'daily',
  dueAt: new Date(Date.UTC(2026, 0, day, 2, 15)).toISOString(),
  instance: 'i',
  engine: 'postgres',
  engineVersion: '18.4',
  allocatedGb: 20,
  standing: 'verified',
  copies: [{ site: 'primary', region: 'us-east-1', arn: `arn-${day}`, completedAt: '', encrypted: true }],
});

it("the runbook's commands read and hold what the ledger has, and retention keeps it until then", async () => {
  const ledger = new MemoryLedger();
  const points = new RecoveryPoints(ledger as unknown as Ledger);
  const all = Array.from({ length: 20 }, (_, i) => pointAt(i + 1));
  for (const point of all) await points.record(point);
  const [oldest] = all as [RecoveryPoint];
  for (const command of [look!, hold!]) expect(given(command, 'table-name', oldest)).toBe(new Names(demo).ledger);
  const { ':pk': partition } = JSON.parse(given(look!, 'expression-attribute-values', oldest));
  expect(await ledger.list(partition.S)).toHaveLength(all.length);

  const { pk, sk } = JSON.parse(given(hold!, 'key', oldest));
  expect(ledger.items.has(`${pk.S}/${sk.S}`)).toBe(true);
  const { ':until': until } = JSON.parse(given(hold!, 'expression-attribute-values', oldest));
  const [, field] = /^SET (\w+) = :until$/.exec(given(hold!, 'update-expression', oldest))!;
  const removedAt = async (now: number) => {
    const known = (await points.list('orders', 'orders')).map((point) => ({ ...point, standing: 'verified' as const }));
    const { backup } = demo.workloads[0]!.databases[0]!;
    return removable(known, backup!, now).map(({ point }) => point.id);
  };
  const end = Date.parse(until.S);
  expect(await removedAt(end - 1)).toContain(oldest.id);
  await ledger.set({ pk: pk.S, sk: sk.S }, { [field!]: until.S });
  expect(await removedAt(end - 1)).not.toContain(oldest.id);
  expect(await removedAt(end)).toContain(oldest.id);
});
