import type { AccountAttributesMessage } from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';

export const account: Actions = { DescribeAccountAttributes: describe };

/** AWS's defaults for a region of an account. RDS user guide, 'Quotas', 2026-11. */
const DEFAULTS = { ManualSnapshots: 100, DBInstances: 40 } as const;

function describe({ control, region }: Call): AccountAttributesMessage {
  const used = {
    ManualSnapshots: [...control.snapshots].filter((snapshot) => snapshot.region === region).length,
    DBInstances: [...control.databases].filter((database) => database.region === region).length,
  };
  const names = Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[];
  return { AccountQuotas: names.map((name) => ({ AccountQuotaName: name, Used: used[name], Max: DEFAULTS[name] })) };
}
