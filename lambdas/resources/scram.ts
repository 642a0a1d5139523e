import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/** What PostgreSQL itself uses (`scram_iterations`). PostgreSQL, documentation, 'Connections and Authentication', version 17. */
const ITERATIONS = 4_096;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** Outside of it a password would have to be normalised first (RFC 4013). */
const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;

/**
 * What a server keeps of a password (RFC 5803, RFC 7677): sent in its place, no log of statements can hold the password.
 * @throws Error for a password with other characters than printable ASCII.
 */
export const scramVerifier = (password: string, salt: Buffer = randomBytes(SALT_BYTES)): string => {
  if (!PRINTABLE_ASCII.test(password)) throw new Error('a password must be of printable ASCII characters, at least one');
  const salted = pbkdf2Sync(password, salt, ITERATIONS, KEY_BYTES, 'sha256');
  const keyed = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(keyed('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${keyed('Server Key').toString('base64')}`;
};
