import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidEnvironment } from './define.ts';
import type { Environment } from './schema.ts';

/** No environment of that name; the message lists those that exist. */
export class UnknownEnvironment extends Error {
  override readonly name = 'UnknownEnvironment';
}

/**
 * Loads and validates `environments/<name>.ts`.
 * @throws UnknownEnvironment when there is none of that name or none was named, InvalidEnvironment with all its problems.
 */
export const load = async (name: unknown, folder: string = import.meta.dirname): Promise<Environment> => {
  const directory = resolve(folder);
  const known = environmentsIn(directory);
  const choices = `${relative(process.cwd(), directory)}/ has: ${known.join(', ') || 'none yet'}`;
  if (typeof name !== 'string' || name === '') throw new UnknownEnvironment(`Which environment? Add -c env=<name>; ${choices}.`);
  if (!known.includes(name))
    throw new UnknownEnvironment(`There is no environment '${name}'; ${choices}. A new one begins as a copy of demo.ts.`);

  const file = join(directory, `${name}.ts`);
  const { default: environment } = (await import(pathToFileURL(file).href)) as { default: Environment };
  if (environment.name !== name) {
    // Two files with one name would deploy over each other.
    throw new InvalidEnvironment(name, [`name: is '${environment.name}' in ${name}.ts; give it the file's name, '${name}'`]);
  }
  return environment;
};

/** The environments that a folder holds: its modules with a default export, which the schema's own modules do not have. */
export const environmentsIn = (directory: string): string[] =>
  existsSync(directory)
    ? readdirSync(directory)
        .filter((file) => file.endsWith('.ts') && /^export default /m.test(readFileSync(join(directory, file), 'utf8')))
        .map((file) => file.slice(0, -'.ts'.length))
        .sort()
    : [];
