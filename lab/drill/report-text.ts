/** Text made safe for HTML. */
export const safe = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** A duration for people: `0.4 s`, `12.3 s`, `2 min 5 s`. */
export function seconds(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'no end';
  if (value < 0.1) return `${Math.round(value * 1_000)} ms`;
  if (value < 120) return `${value.toFixed(1)} s`;
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

/** Seconds from a moment, signed, for tables. */
export const offset = (at: number, zero: number): string => `${at < zero ? '−' : '+'}${(Math.abs(at - zero) / 1_000).toFixed(1)} s`;
