import { invalidValue } from './errors.ts';

const SMALLEST_PAGE = 20;
const LARGEST_PAGE = 100;

/** One page of a listing, in the order of its keys; the marker names the last key of the page before. */
export function page<T>(
  all: readonly T[],
  key: (item: T) => string,
  request: { MaxRecords?: number; Marker?: string },
): { items: T[]; marker?: string } {
  const size = request.MaxRecords ?? LARGEST_PAGE;
  if (size < SMALLEST_PAGE || size > LARGEST_PAGE) {
    throw invalidValue(`Invalid value ${size} for MaxRecords. Must be between ${SMALLEST_PAGE} and ${LARGEST_PAGE}`);
  }
  const after = request.Marker === undefined ? '' : Buffer.from(request.Marker, 'base64url').toString();
  const rest = all.filter((item) => key(item) > after).sort((a, b) => (key(a) < key(b) ? -1 : 1));
  const items = rest.slice(0, size);
  const last = items.at(-1);
  return rest.length > size && last !== undefined ? { items, marker: Buffer.from(key(last)).toString('base64url') } : { items };
}
