import { allow, type Right } from './right.ts';
import { Scope } from './scope.ts';

/** The parts of the ledger that a step may write, by the beginning of the partition key. */
export type LedgerPart = 'incident' | 'lease' | 'recovery-point' | 'past-recovery-point' | 'manifest' | 'integrity' | 'lost-rows' | 'fence';

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

  /** Incidents alone, and what they ask. */
  readIncidents(): Right[] {
    const conditions = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['incident#*'] } };
    return [allow({ actions: ['dynamodb:GetItem'], resources: [this.names.ledgerArn(this.region)], conditions })];
  }

  readTimeline(): Right[] {
    return [allow({ actions: ['dynamodb:GetItem', 'dynamodb:Query'], resources: [this.names.ledgerArn(this.region)] })];
  }

  /** Items made and changed. */
  writeLedger(...parts: LedgerPart[]): Right[] {
    return this.changeLedger(parts, ['dynamodb:PutItem', 'dynamodb:UpdateItem']);
  }

  /** Whole items: new ones, or in the place of what is there. */
  putInLedger(...parts: LedgerPart[]): Right[] {
    return this.changeLedger(parts, ['dynamodb:PutItem']);
  }

  /** Items that are there: the lease is theirs to change who move it, and the guard's alone to make. */
  updateLedger(...parts: LedgerPart[]): Right[] {
    return this.changeLedger(parts, ['dynamodb:UpdateItem']);
  }

  /** Items that are filed away under another key. */
  removeFromLedger(...parts: LedgerPart[]): Right[] {
    return this.changeLedger(parts, ['dynamodb:DeleteItem']);
  }

  private changeLedger(parts: readonly LedgerPart[], actions: string[]): Right[] {
    const keys = parts.map((part) => `${part}#*`);
    return [
      allow({
        actions,
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

  /** Of the other site, not to take a lease while the ledger is silent, and to give no such word: in that site's table, these items alone. */
  askPledges(): Right[] {
    return this.siteRegions.filter((region) => region !== this.region).flatMap((region) => this.pledges(region, ['dynamodb:UpdateItem']));
  }

  /** How far this site's guard went on without the ledger. */
  readStandings(): Right[] {
    const conditions = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['standing#*'] } };
    return [allow({ actions: ['dynamodb:GetItem'], resources: [this.names.observationsArn(this.region)], conditions })];
  }

  /** Of this site, its own to suspend and to close. */
  closePledges(): Right[] {
    return this.pledges(this.region, ['dynamodb:GetItem', 'dynamodb:UpdateItem']);
  }

  /** Of this site: until when the other one may have written under them. */
  readPledges(): Right[] {
    return this.pledges(this.region, ['dynamodb:GetItem']);
  }

  private pledges(region: string, actions: string[]): Right[] {
    const conditions = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['pledge#*'] } };
    return [allow({ actions, resources: [this.names.observationsArn(region)], conditions })];
  }
}
