import { expect, it } from 'vitest';
import { describeUnused, inAnyEnvironment, unusedInAll } from '../../../lab/drill/rights.ts';

const right = (environment: string, step: string, action: string) => ({
  functionName: `lifeboat-${environment}-${step}`,
  action,
  resource: `arn:aws:dynamodb:<region>:000000000000:table/lifeboat-${environment}-ledger`,
});

it('sums up over drills of several environments: unused is what some gave and none used', () => {
  const demo = { used: [right('demo', 'watch', 'dynamodb:PutItem')], unused: [right('demo', 'watch', 'dynamodb:UpdateItem')] };
  const backup = {
    used: [right('demo-backup', 'watch', 'dynamodb:UpdateItem')],
    unused: [right('demo-backup', 'watch', 'dynamodb:PutItem'), right('demo-backup', 'take-snapshots', 'dynamodb:PutItem')],
  };
  const unused = unusedInAll([inAnyEnvironment(demo, 'demo'), inAnyEnvironment(backup, 'demo-backup')]);
  expect(describeUnused(unused)).toEqual([
    'lifeboat-<environment>-take-snapshots: dynamodb:PutItem on arn:aws:dynamodb:<region>:000000000000:table/lifeboat-<environment>-ledger',
  ]);
});
