import type { Findings } from './judge/measure.ts';
import { acknowledged } from './judge/outage.ts';
import { safe, seconds } from './report-text.ts';

const WIDTH = 1040;
const LEFT = 44;
const RIGHT = 26;
const TOP = 46;
const CHART = 190;
const STRIP = 30;
const LABEL_CHAR_PX = 6.6;
const BEFORE_MS = 15_000;
const AFTER_MS = 15_000;
const QUIET_SPAN_MS = 60_000;
const PHASE_COLOURS = ['#7a4fb5', '#2f6fd0', '#1b8a8f', '#1d7f4e', '#8a8a2a', '#c2761f', '#b3466b', '#5d6673'];

/** The colour of a phase, by its place. */
export const phaseColour = (index: number): string => PHASE_COLOURS[index % PHASE_COLOURS.length]!;

/** Acknowledged writes per second by site, the outage, and beneath them, to the same scale, what the outage was spent on. */
export function figure(findings: Findings): string {
  const [from, to] = extent(findings);
  const x = (at: number) => LEFT + ((at - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
  const rates = ratesBySite(findings, from, to);
  const peak = Math.ceil(Math.max(10, ...rates.flatMap(({ perSecond }) => perSecond)) / 10) * 10;
  const y = (rate: number) => TOP + CHART - (rate / (peak * 1.08)) * CHART;
  const height = TOP + CHART + 30 + (findings.phases.length > 0 ? STRIP + 26 : 0);
  const parts = [
    outageBand(findings, x, to),
    grid(peak, y, from, to, x, findings.evidence.faultAt),
    ...rates.map((one, index) => area(one.perSecond, index, from, x, y)),
    marks(findings, x, from, to),
    outageLabel(findings, x, to),
    strip(findings, x),
  ];
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Acknowledged writes per second by site, and the phases of the outage">${parts.join('')}</svg>`;
}

/** The sites in the order of their colours. */
export const sitesOf = (findings: Findings): string[] => [findings.evidence.home.primary, findings.evidence.home.recovery];

function extent({ evidence, outage }: Findings): [number, number] {
  const first = Math.min(...evidence.attempts.map((attempt) => attempt.sentAt), evidence.faultAt);
  const last = Math.max(...evidence.attempts.map((attempt) => attempt.answeredAt), evidence.faultAt + 1_000);
  const from = Math.max(first, evidence.faultAt - BEFORE_MS);
  const end = outage?.to ?? (outage ? last : evidence.faultAt + QUIET_SPAN_MS);
  return [from, Math.max(from + 1_000, Math.min(last, end + AFTER_MS))];
}

function ratesBySite(findings: Findings, from: number, to: number): { site: string; perSecond: number[] }[] {
  const buckets = Math.max(1, Math.ceil((to - from) / 1_000));
  return sitesOf(findings).map((site) => {
    const perSecond = new Array<number>(buckets).fill(0);
    for (const attempt of acknowledged(findings.evidence.attempts)) {
      const bucket = Math.floor((attempt.answeredAt - from) / 1_000);
      if (attempt.site === site && bucket >= 0 && bucket < buckets) perSecond[bucket]! += 1;
    }
    return { site, perSecond };
  });
}

/** A step for each second. The last one may be cut short and would look like a fall: it is left out. */
function area(perSecond: number[], index: number, from: number, x: (at: number) => number, y: (rate: number) => number): string {
  const colour = index === 0 ? 'var(--a)' : 'var(--b)';
  let path = '';
  let before = 0;
  for (const [second, rate] of [...perSecond.slice(0, -1), 0].entries()) {
    const begin = x(from + second * 1_000).toFixed(1);
    if (before === 0 && rate > 0) path += `M${begin} ${y(0).toFixed(1)}`;
    if (before > 0 && rate === 0) path += `H${begin}V${y(0).toFixed(1)}Z`;
    if (rate > 0) path += `H${begin}V${y(rate).toFixed(1)}`;
    before = rate;
  }
  return path && `<path d="${path}" style="fill:${colour};fill-opacity:.22;stroke:${colour};stroke-width:1.6;stroke-linejoin:round"/>`;
}

function grid(peak: number, y: (rate: number) => number, from: number, to: number, x: (at: number) => number, zero: number): string {
  const rates = [0, Math.round(peak / 2), Math.round(peak)];
  const lines = rates.map(
    (rate) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(rate)}" y2="${y(rate)}" style="stroke:var(--grid)"/><text x="${LEFT - 8}" y="${y(rate) + 4}" text-anchor="end">${rate}</text>`,
  );
  const stepSeconds = [5, 10, 15, 30, 60, 120, 300, 600].find((step) => (to - from) / 1_000 / step <= 13) ?? 1_200;
  const ticks: string[] = [];
  for (let second = Math.ceil((from - zero) / 1_000 / stepSeconds) * stepSeconds; zero + second * 1_000 <= to; second += stepSeconds) {
    const at = x(zero + second * 1_000);
    const label = second === 0 ? '0' : `${second > 0 ? '+' : '−'}${Math.abs(second)} s`;
    ticks.push(
      `<line x1="${at}" x2="${at}" y1="${TOP + CHART}" y2="${TOP + CHART + 5}" style="stroke:var(--soft)"/><text x="${at}" y="${TOP + CHART + 20}" text-anchor="middle">${label}</text>`,
    );
  }
  return lines.join('') + ticks.join('');
}

function outageBand({ outage }: Findings, x: (at: number) => number, end: number): string {
  if (!outage) return '';
  const [left, right] = [x(outage.from), x(outage.to ?? end)];
  return `<rect x="${left}" y="${TOP}" width="${Math.max(1, right - left)}" height="${CHART}" style="fill:var(--outage)"/>`;
}

/** Where the band is too narrow for its label, the card above says the same. */
function outageLabel({ outage }: Findings, x: (at: number) => number, end: number): string {
  if (!outage) return '';
  const [left, right] = [x(outage.from), x(outage.to ?? end)];
  const label = outage.to ? `no write accepted for ${seconds((outage.to - outage.from) / 1_000)}` : 'no write accepted';
  if (right - left < label.length * LABEL_CHAR_PX) return '';
  return `<text class="strong" x="${(left + right) / 2}" y="${TOP + CHART / 2}" text-anchor="middle">${label}</text>`;
}

/** Vertical lines with their names above; a name that would cover the one before it moves to the row below. */
function marks(findings: Findings, x: (at: number) => number, from: number, to: number): string {
  const { evidence, execution, outage } = findings;
  const alarm = evidence.alarms.find(
    (change) => change.state === 'ALARM' && change.at >= evidence.faultAt && change.region === execution?.region,
  );
  const wanted: [number | undefined, string, string][] = [
    [evidence.faultAt, evidence.moves.length > 0 && !evidence.failed ? 'asked' : 'fault', 'var(--bad)'],
    [alarm?.at, 'alarm', 'var(--mark)'],
    [execution?.startedAt, 'run starts', 'var(--mark)'],
    [outage?.to, 'first write', 'var(--ok)'],
    [execution?.stoppedAt, 'run ends', 'var(--mark)'],
  ];
  const ends = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return wanted
    .filter((mark): mark is [number, string, string] => mark[0] !== undefined && mark[0] >= from && mark[0] <= to)
    .sort((a, b) => a[0] - b[0])
    .map(([at, name, colour]) => {
      const left = x(at);
      const row = Math.max(
        0,
        ends.findIndex((end) => end < left - 6),
      );
      ends[row] = left + name.length * LABEL_CHAR_PX;
      const line = `<line x1="${left}" x2="${left}" y1="${12 + row * 14}" y2="${TOP + CHART}" style="stroke:${colour};stroke-dasharray:3 3"/>`;
      return `${line}<text x="${left + 4}" y="${12 + row * 14}" style="fill:${colour}">${name}</text>`;
    })
    .join('');
}

function strip({ phases }: Findings, x: (at: number) => number): string {
  const names = [...new Set(phases.map((phase) => phase.name))];
  const top = TOP + CHART + 36;
  return phases
    .map(({ name, from, to }) => {
      const [left, width] = [x(from), Math.max(1, x(to) - x(from))];
      const fits = width > name.length * LABEL_CHAR_PX + 12;
      const label = fits
        ? `<text x="${left + width / 2}" y="${top + STRIP / 2 + 4}" text-anchor="middle" style="fill:#fff">${safe(name)}</text>`
        : '';
      const title = `<title>${safe(name)}: ${seconds((to - from) / 1_000)}</title>`;
      return `<g>${title}<rect x="${left}" y="${top}" width="${width}" height="${STRIP}" rx="3" style="fill:${phaseColour(names.indexOf(name))};stroke:var(--card);stroke-width:1"/>${label}</g>`;
    })
    .join('');
}
