import { createHash, randomBytes } from 'node:crypto';
import type { Region } from '../types.ts';
import { invalidValue } from './errors.ts';

const IDENTIFIER = /^[a-z](?!.*--)[a-z0-9-]{0,62}(?<!-)$/;

/** Identifiers are kept in lower case, as RDS does. */
export function identifier(value: string | undefined, parameter: string): string {
  const lower = value?.toLowerCase() ?? '';
  if (IDENTIFIER.test(lower)) return lower;
  throw invalidValue(
    `The parameter ${parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.`,
  );
}

export type ResourceType = 'db' | 'snapshot' | 'auto-backup';

export const arn = (region: Region, accountId: string, type: ResourceType, name: string): string =>
  `arn:aws:rds:${region}:${accountId}:${type}:${name}`;

export interface Reference {
  region: Region;
  /** An ARN's; a bare name is the caller's. */
  account?: string;
  type: string;
  name: string;
}

/** What an ARN, or a bare name in the called region, refers to. */
export function parseReference(value: string, type: ResourceType, region: Region): Reference {
  const [scheme, , service, arnRegion, account, arnType, ...rest] = value.split(':');
  if (scheme !== 'arn') return { region, type, name: value.toLowerCase() };
  if (service !== 'rds' || !arnRegion || arnType === undefined || rest.length === 0) throw invalidValue(`Invalid resource name: ${value}`);
  return { region: arnRegion, account, type: arnType, name: rest.join(':').toLowerCase() };
}

/** An instance's public name. The middle part is the same for all instances of an account in a region. */
export function endpointHost(name: string, region: Region, accountId: string): string {
  const digest = createHash('sha256').update(`${accountId}/${region}`).digest();
  const letters = [...digest.subarray(0, 11)].map((byte) => (byte % 36).toString(36)).join('');
  return `${name}.c${letters}.${region}.rds.amazonaws.com`;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Names an instance for life, whatever it is renamed to. */
export function newResourceId(): string {
  return `db-${letters(26)}`;
}

export function newAutomatedBackupId(): string {
  return `ab-${letters(36).toLowerCase()}`;
}

const letters = (count: number): string => [...randomBytes(count)].map((byte) => BASE32[byte % 32]).join('');
