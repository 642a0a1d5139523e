import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo-backup.ts';
import { rightsOf } from './iam.ts';
import { synthesise } from './synth.ts';

const { primary } = synthesise(demo);
const step = (name: string) => rightsOf(primary, `lifeboat-${demo.name}-${name}`);

describe('the rights of a restore', () => {
  it.each(['put-settings-back', 'admit-clean'])('%s lends RDS a key of the owner, and notes what was refused', (name) => {
    const lent = step(name).filter((right) => /^kms:(CreateGrant|DescribeKey) /.test(right) && right.includes('"rds.us-east-1.'));
    expect(lent.map((right) => right.split(' ')[0]).sort()).toEqual(['kms:CreateGrant', 'kms:DescribeKey']);
    expect(step(name).some((right) => right.startsWith('rds:AddTagsToResource on') && right.includes('-restored-*'))).toBe(true);
  });

  it("admit-clean reads and writes both sites' secrets", () => {
    const found = step('admit-clean').filter((right) => right.includes('secret:orders/database'));
    const regions = ['us-east-1', 'us-west-2'];
    for (const action of ['GetSecretValue', 'PutSecretValue'])
      for (const region of regions)
        expect(found.some((right) => right.startsWith(`secretsmanager:${action} on arn:aws:secretsmanager:${region}:`))).toBe(true);
  });
});

it('a rename may take three times what AWS says of it', () => {
  expect(demo.workloads[0]!.databases[0]!.backup!.restore.renameTimeoutMinutes).toBe(30);
});
