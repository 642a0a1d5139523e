import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import demoBackup from '../../environments/demo-backup.ts';
import { arguedIn, notArgued } from '../../lab/drill/argued-rights.ts';
import { describeUnused, inAnyEnvironment } from '../../lab/drill/rights.ts';
import { AccessControl } from '../../lab/iam/access.ts';
import { synthesise, type Templates } from './synth.ts';

const { account, sites, witness } = demoBackup;
const REGION = { primary: sites.primary.region, recovery: sites.recovery.region, witness: witness.region } as const;

/** Every right to change something that the stacks give. */
const given = (templates: Templates): string[] => {
  const stacks = (['primary', 'recovery', 'witness'] as const).map((kind) => {
    const template = { ...templates[kind], Outputs: undefined } as never;
    return { id: kind, name: kind, region: REGION[kind], template, templateFile: '' };
  });
  return describeUnused(inAnyEnvironment(new AccessControl(stacks, account).useOfRights(), demoBackup.name).unused);
};

it('argues for rights that exist, and for each with a reason', () => {
  const argued = arguedIn(readFileSync('docs/unused-rights.md', 'utf8'));
  const existing = new Set(given(synthesise(demoBackup)));
  expect(existing.size).toBeGreaterThan(50);
  expect([...argued.keys()].filter((right) => !existing.has(right))).toEqual([]);
  for (const [right, why] of argued) expect(why.length, right).toBeGreaterThan(20);
});

it('knows which unused rights have no reason', () => {
  const right = (action: string) => ({ functionName: 'lifeboat-<environment>-watch', action, resource: '*' });
  const argued = arguedIn('| right | why |\n|---|---|\n| `lifeboat-<environment>-watch: rds:Known on *` | since a guard needs it |');
  expect(notArgued([right('rds:Known'), right('rds:Odd')], argued)).toEqual(['lifeboat-<environment>-watch: rds:Odd on *']);
});
