import { Cron } from 'croner';

const UNITS_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
/** Fields of an AWS cron expression with their last values; days of the week are 0 (Sunday) to 6 once translated. */
const FIELD_ENDS = [59, 23, 31, 12, 6, 2199] as const;
const DAY_OF_WEEK = 4;

/** Times of a schedule: the first after a given one, or undefined when there is none left. All in epoch milliseconds. */
export type Recurrence = (after: number) => number | undefined;

/** Not an expression that AWS would take. */
export class ScheduleExpressionInvalid extends Error {
  override readonly name = 'ScheduleExpressionInvalid';
}

/** `rate(5 minutes)`, `cron(0 8 ? * MON-FRI *)` or `at(2027-01-31T08:00:00)`. Rates count from `anchor`. */
export function recurrence(expression: string, { timezone = 'UTC', anchor }: { timezone?: string; anchor: number }): Recurrence {
  const [, kind, argument = ''] = /^(rate|cron|at)\((.+)\)$/.exec(expression.trim()) ?? [];
  switch (kind) {
    case 'rate':
      return rate(argument, anchor);
    case 'cron':
      return cron(argument, timezone);
    case 'at':
      return at(argument, timezone);
    default:
      throw new ScheduleExpressionInvalid(`${expression}: expected rate(...), cron(...) or at(...)`);
  }
}

export function isOneTime(expression: string): boolean {
  return expression.trim().startsWith('at(');
}

export function isRate(expression: string): boolean {
  return expression.trim().startsWith('rate(');
}

function rate(argument: string, anchor: number): Recurrence {
  const [, value, unit] = /^(\d+) (minute|hour|day)s?$/.exec(argument.trim()) ?? [];
  const intervalMs = Number(value) * UNITS_MS[unit as keyof typeof UNITS_MS];
  if (!(intervalMs > 0)) throw new ScheduleExpressionInvalid(`rate(${argument}): expected a positive number of minutes, hours or days`);
  return (after) => (after < anchor ? anchor : anchor + (Math.floor((after - anchor) / intervalMs) + 1) * intervalMs);
}

function cron(argument: string, timezone: string): Recurrence {
  const job = new Cron(translateCron(argument), { timezone, paused: true, mode: '7-part', domAndDow: true });
  return (after) => {
    for (let next = job.nextRun(new Date(after)); next; next = job.nextRun(next)) {
      // A time that does not exist on the day when clocks go forward is skipped, not moved.
      if (job.match(next)) return next.getTime();
    }
    return undefined;
  };
}

function at(argument: string, timezone: string): Recurrence {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(argument))
    throw new ScheduleExpressionInvalid(`at(${argument}): expected yyyy-mm-ddThh:mm:ss`);
  const time = new Cron(argument, { timezone, paused: true }).nextRun(new Date(0))?.getTime();
  return (after) => (time !== undefined && time > after ? time : undefined);
}

/** AWS's six fields (minute to year, Sunday is 1) as croner's seven (second to year, Sunday is 0). */
export function translateCron(argument: string): string {
  const fields = argument.trim().split(/\s+/);
  if (fields.length !== 6) throw new ScheduleExpressionInvalid(`cron(${argument}): expected 6 fields, not ${fields.length}`);
  const [, , dayOfMonth, , dayOfWeek] = fields;
  if ((dayOfMonth === '?') === (dayOfWeek === '?')) {
    throw new ScheduleExpressionInvalid(`cron(${argument}): exactly one of day-of-month and day-of-week must be ?`);
  }
  return [
    '0',
    ...fields.map((field, index) =>
      field
        .split(',')
        .map((part) => translatePart(part, index))
        .join(','),
    ),
  ].join(' ');
}

function translatePart(part: string, field: number): string {
  const [range = '', step] = part.split('/');
  const base = field === DAY_OF_WEEK ? translateWeekday(range) : range;
  if (step === undefined) return base;
  // `5/15` is AWS's way to say: from 5 to the end, every 15.
  const span = base === '*' || base.includes('-') ? base : `${base}-${FIELD_ENDS[field]}`;
  return `${span}/${step}`;
}

function translateWeekday(range: string): string {
  if (range === 'L') return '6';
  const [days = '', nth] = range.split('#');
  const shifted = days.replace(/\d+/g, (day) => String(Number(day) - 1));
  return nth === undefined ? shifted : `${shifted}#${nth}`;
}
