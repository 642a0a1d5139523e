import { DescribeAccountAttributesCommand, RDSClient } from '@aws-sdk/client-rds';
import { guarded, localCalls } from '../kit/clients.ts';

export interface Quota {
  used: number;
  most: number;
}

/** What this account may have of RDS in this function's own region, and has: whoever made it. */
export class RdsQuotas {
  private readonly rds = guarded(new RDSClient(localCalls));

  /** Nothing where RDS does not say it. Names as in AWS, RDS API reference, `AccountQuota`, 2026-11. */
  async manualSnapshots(): Promise<Quota | undefined> {
    const { AccountQuotas = [] } = await this.rds.send(new DescribeAccountAttributesCommand({}));
    const found = AccountQuotas.find(({ AccountQuotaName }) => AccountQuotaName === 'ManualSnapshots');
    return found?.Max ? { used: found.Used ?? 0, most: found.Max } : undefined;
  }
}
