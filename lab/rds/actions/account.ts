import type { AccountAttributesMessage, AccountQuota } from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';

export const account: Actions = { DescribeAccountAttributes: describe };

function describe({ control, region, account: owner }: Call): AccountAttributesMessage {
  const { manualSnapshots, instances } = control.quotas;
  const quota = (AccountQuotaName: string, Used: number, Max: number): AccountQuota => ({ AccountQuotaName, Used, Max });
  return {
    AccountQuotas: [
      quota('ManualSnapshots', control.in(region, control.snapshotsOf(owner)), manualSnapshots),
      quota('DBInstances', control.in(region, control.databases), instances),
    ],
  };
}
