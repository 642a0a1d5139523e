import { RestoreRights } from './rights/restores.ts';

export type { LedgerPart } from './rights/ledger.ts';
export type { Right } from './rights/right.ts';

/**
 * The rights that steps are given, in one region, each for the resources that the environment names and no other. Lists, since an
 * environment without databases or compute needs none of theirs. `rights/` has them by kind of resource, each layer on the one before.
 */
export class Rights extends RestoreRights {}
