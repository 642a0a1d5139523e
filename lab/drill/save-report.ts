import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict } from './judge/verdict.ts';
import { reportHtml } from './report.ts';
import { inAnyEnvironment } from './rights.ts';
import type { Scenario } from './scenario.ts';

/** A folder's name that sorts by time: `2026-11-21T00-10-00-region-failure`. */
export const reportFolder = (name: string, at: Date): string =>
  join('reports', `${at.toISOString().slice(0, 19).replaceAll(':', '-')}-${name}`);

/** Writes report.html, report.json, rights.json (rights to change something: used, and unused) and the client's ledger; returns the path of the page. */
export function saveReport(folder: string, scenario: Scenario, verdict: Verdict): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(verdict.result, undefined, 2)}\n`);
  writeFileSync(
    join(folder, 'client-ledger.jsonl'),
    verdict.findings.evidence.attempts.map((attempt) => `${JSON.stringify(attempt)}\n`).join(''),
  );
  const { rights, environment } = verdict.findings.evidence;
  writeFileSync(join(folder, 'rights.json'), `${JSON.stringify(inAnyEnvironment(rights, environment), undefined, 2)}\n`);
  const page = join(folder, 'report.html');
  writeFileSync(page, reportHtml(scenario, verdict));
  return page;
}
