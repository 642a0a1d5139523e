import pg from 'pg';
import { scramVerifier } from './scram.ts';

/** What became of the logins. Names only. */
export interface RenewedRoles {
  renewed: string[];
  /** Could log in, and nobody here knows why: may no longer. */
  closed: string[];
  /** May still log in, for want of a right. */
  left: string[];
}

/**
 * Logins of RDS itself, which no customer's role may change. By their whole names: whoever broke in may have made one that only looks so.
 * AWS, RDS user guide, 'Understanding PostgreSQL roles and permissions', 2026-11. Another one that is refused is `left`, and named.
 */
const OF_RDS = new Set(['rdsadmin', 'rdsrepladmin', 'rdstopmgr', 'rdsproxyadmin']);

/**
 * Gives each known login a new password and takes the login of all others. The own one is last: until then a try that broke off can
 * still come in with the old password. Only the passwords' verifiers are sent, since a server may log statements.
 */
export const renewRoles = async (
  client: pg.ClientBase,
  { own, application }: { own: { username: string; password: string }; application: Record<string, string> },
): Promise<RenewedRoles> => {
  const { rows } = await client.query<{ name: string }>('SELECT rolname AS name FROM pg_roles WHERE rolcanlogin ORDER BY rolname');
  const known = { ...application, [own.username]: own.password };
  const result: RenewedRoles = { renewed: [], closed: [], left: [] };
  for (const { name } of rows) {
    if (Object.hasOwn(known, name) || OF_RDS.has(name)) continue;
    const closed = await mayChange(client, `ALTER ROLE ${pg.escapeIdentifier(name)} NOLOGIN PASSWORD NULL`);
    (closed ? result.closed : result.left).push(name);
  }
  for (const [name, password] of [...Object.entries(application), [own.username, own.password] as const]) {
    await client.query(`ALTER ROLE ${pg.escapeIdentifier(name)} PASSWORD ${pg.escapeLiteral(scramVerifier(password))}`);
    result.renewed.push(name);
  }
  return result;
};

const INSUFFICIENT_PRIVILEGE = '42501';

const mayChange = async (client: pg.ClientBase, sql: string): Promise<boolean> => {
  try {
    await client.query(sql);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== INSUFFICIENT_PRIVILEGE) throw error;
    return false;
  }
};
