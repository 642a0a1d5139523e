import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import demoApproval from '../../environments/demo-approval.ts';
import demoCopies from '../../environments/demo-copies.ts';
import type { Environment } from '../../environments/schema.ts';
import { arguedIn, notArgued } from '../../lab/drill/argued-rights.ts';
import { describeUnused, inAnyEnvironment } from '../../lab/drill/rights.ts';
import { AccessControl } from '../../lab/iam/access.ts';
import { synthesise } from './synth.ts';

/** What any demo has, in one: approvals by link beside the backups. */
const environment: Environment = { ...demoCopies, failover: demoApproval.failover };

/** Every right to change something that its stacks give. */
const given = (): string[] => {
  const { account, name, sites, witness } = environment;
  const regions = { primary: sites.primary.region, recovery: sites.recovery.region, witness: witness.region };
  const templates = synthesise(environment);
  const stacks = (['primary', 'recovery', 'witness'] as const).map((kind) => {
    const template = { ...templates[kind], Outputs: undefined } as never;
    return { id: kind, name: kind, region: regions[kind], template, templateFile: '' };
  });
  return describeUnused(inAnyEnvironment(new AccessControl(stacks, account).useOfRights(), name).unused);
};

it('argues for rights that exist, and for each with a reason', () => {
  const argued = arguedIn(readFileSync('docs/unused-rights.md', 'utf8'));
  const existing = new Set(given());
  expect(existing.size).toBeGreaterThan(50);
  expect([...argued.keys()].filter((right) => !existing.has(right))).toEqual([]);
  for (const [right, why] of argued) expect(why.length, right).toBeGreaterThan(20);
});

it('knows which unused rights have no reason', () => {
  const right = (action: string) => ({ functionName: 'lifeboat-<environment>-watch', action, resource: '*' });
  const argued = arguedIn('| right | why |\n|---|---|\n| `lifeboat-<environment>-watch: rds:Known on *` | since a guard needs it |');
  expect(notArgued([right('rds:Known'), right('rds:Odd')], argued)).toEqual(['lifeboat-<environment>-watch: rds:Odd on *']);
});
