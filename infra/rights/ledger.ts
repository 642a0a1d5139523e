import { allow, type Right } from './right.ts';
import { Scope } from './scope.ts';

/** The parts of the ledger that a step may write, by the beginning of the partition key. */
export type LedgerPart = 'incident' | 'lease' | 'recovery-point' | 'manifest' | 'integrity';

/** The ledger and the observations. */
export abstract class LedgerRights extends Scope {
  readLedger(regions: readonly string[] = [this.region]): Right[] {
    return [allow({ actions: ['dynamodb:GetItem'], resources: regions.map((region) => this.names.ledgerArn(region)) })];
  }

  /** The leases alone, for what the public can invoke. */
  readLeases(): Right[] {
    const conditions = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['lease#*'] } };
    return [allow({ actions: ['dynamodb:GetItem'], resources: [this.names.ledgerArn(this.region)], conditions })];
  }

  readTimeline(): Right[] {
    return [allow({ actions: ['dynamodb:GetItem', 'dynamodb:Query'], resources: [this.names.ledgerArn(this.region)] })];
  }

  /** Evidence is every step's to write; the lease only theirs who move it. */
  writeLedger(...parts: LedgerPart[]): Right[] {
    const keys = parts.map((part) => `${part}#*`);
    return [
      allow({
        actions: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
        resources: [this.names.ledgerArn(this.region)],
        conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys } },
      }),
    ];
  }

  readObservations(): Right[] {
    const { sites, witness } = this.environment;
    const regions = [sites.primary.region, sites.recovery.region, witness.region];
    return [
      allow({ actions: ['dynamodb:GetItem', 'dynamodb:Query'], resources: regions.map((region) => this.names.observationsArn(region)) }),
    ];
  }

  writeObservations(): Right[] {
    return [allow({ actions: ['dynamodb:PutItem'], resources: [this.names.observationsArn(this.region)] })];
  }
}
