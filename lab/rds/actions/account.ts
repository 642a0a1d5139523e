import type { AccountAttributesMessage } from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';

export const account: Actions = { DescribeAccountAttributes: describe };

function describe({ control, region }: Call): AccountAttributesMessage {
  const { manualSnapshots, instances } = control.options.quotas;
  const isHere = (thing: { region: string }): boolean => thing.region === region;
  return {
    AccountQuotas: [
      { AccountQuotaName: 'ManualSnapshots', Used: [...control.snapshots].filter(isHere).length, Max: manualSnapshots },
      { AccountQuotaName: 'DBInstances', Used: [...control.databases].filter(isHere).length, Max: instances },
    ],
  };
}
