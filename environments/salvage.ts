import { z } from 'zod';

/** A rule touched a part of the environment whose shape is wrong: that has its own problem already, and the rule has nothing to say. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

/** What `read` gives, or nothing when it needs an unreadable part. */
export const readable = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
};

/**
 * The readable rest of an input with a wrong shape: what fits is parsed, defaults included; what does not throws Unreadable when it is
 * touched. So each rule can be written for a whole environment, and still run on a broken one as far as it reaches.
 */
export const salvage = (schema: z.core.$ZodType, input: unknown): unknown => {
  const result = z.safeParse(schema, input);
  if (result.success) return result.data;
  const value = input ?? defaultOf(schema);
  const inner = unwrap(schema, value);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return fill([], Object.keys(value), (key) => salvage(inner.element, value[Number(key)]));
  }
  if (inner instanceof z.ZodObject && isRecord(value)) {
    return fill({}, Object.keys(inner.shape), (key) => salvage(inner.shape[key], value[key]));
  }
  throw new Unreadable();
};

/** Keys that the schema knows at a path, for a message about one that it does not. */
export const keysAt = (schema: z.core.$ZodType, input: unknown, path: readonly PropertyKey[]): string[] => {
  const inner = unwrap(schema, input);
  const [key, ...rest] = path;
  if (key === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  const value = isRecord(input) || Array.isArray(input) ? (input as Record<PropertyKey, unknown>)[key] : undefined;
  if (inner instanceof z.ZodArray) return keysAt(inner.element, value, rest);
  return inner instanceof z.ZodObject && inner.shape[String(key)] ? keysAt(inner.shape[String(key)], value, rest) : [];
};

/** The schema beneath defaults and optional marks; of a union of kinds, the value's own kind. */
const unwrap = (schema: z.core.$ZodType, value: unknown): z.core.$ZodType => {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrap(schema.def.innerType, value);
  }
  if (!(schema instanceof z.ZodDiscriminatedUnion) || !isRecord(value)) return schema;
  const { options, discriminator } = schema.def;
  const ofKind = (option: z.core.$ZodType) =>
    option instanceof z.ZodObject && z.safeParse(option.shape[discriminator], value[discriminator]).success;
  return options.find(ofKind) ?? schema;
};

const defaultOf = (schema: z.core.$ZodType): unknown =>
  schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? schema.def.defaultValue : undefined;

const fill = (target: object, keys: readonly string[], read: (key: string) => unknown): object => {
  for (const key of keys) {
    const part = readable(() => ({ value: read(key) }));
    const unreadable = () => {
      throw new Unreadable();
    };
    Object.defineProperty(target, key, { enumerable: true, ...(part ?? { get: unreadable }) });
  }
  return target;
};

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
