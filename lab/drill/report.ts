import { callsOfRun } from './judge/calls.ts';
import type { Findings } from './judge/measure.ts';
import type { Verdict } from './judge/verdict.ts';
import { figure, phaseColour, sitesOf } from './report-figure.ts';
import { STYLE } from './report-style.ts';
import { offset, safe, seconds } from './report-text.ts';

const TIMELINE_ROWS = 400;

/** The report of a drill as one HTML file that needs nothing else. */
export function reportHtml(scenario: { name: string; title: string; story: string }, verdict: Verdict): string {
  const { result, findings, promises } = verdict;
  const day = new Date(findings.evidence.faultAt).toISOString().replace('T', ' ').slice(0, 19);
  const reasons =
    result.reasons.length > 0 ? `<ul class="reasons">${result.reasons.map((reason) => `<li>${safe(reason)}</li>`).join('')}</ul>` : '';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${safe(scenario.name)}: ${result.passed ? 'passed' : 'failed'} – Lifeboat drill</title><style>${STYLE}</style></head><body><main>
<header><div><p class="over">Lifeboat drill · <code>${safe(scenario.name)}</code> · ${day} UTC</p><h1>${safe(scenario.title)}</h1><p class="story">${safe(scenario.story)}</p></div>
<div class="verdict ${result.passed ? 'pass">Promises held' : 'fail">Promise broken'}</div></header>${reasons}
${cards(verdict)}
<h2>What the client saw</h2><div class="panel">${legend(findings)}${figure(findings)}</div>
${phaseTable(verdict)}
<h2>Promises</h2><div class="panel"><ul class="promises">${promises.map(promiseRow).join('')}</ul></div>
${stateTable(findings)}${callTable(findings)}${timelineTable(findings)}
<footer>Times are the lab's own: PostgreSQL, AWS interfaces and the network run on one machine, and AWS's own durations are not in them. The figure that travels is what
Lifeboat adds. Orders were written through the workload's public name; an order counts as acknowledged when the application answered 201 after its commit, and as lost
when it is then absent from the active site's database.</footer>
</main></body></html>
`;
}

function cards({ result, findings }: Verdict): string {
  const { rto, rpo, writers } = result;
  const overlap = writers.overlapSeconds > 0;
  const lost =
    rpo.rowsLost > 0
      ? `${rpo.rowsLost} of ${rpo.rowsAcknowledged} acknowledged orders lost`
      : `all ${rpo.rowsAcknowledged} acknowledged orders there`;
  return `<div class="cards">
${objectiveCard('RTO, measured', rto.measuredSeconds, rto.objectiveSeconds, `objective ${rto.objectiveSeconds} s`)}
${objectiveCard('RPO, measured', rpo.measuredSeconds, rpo.objectiveSeconds, `objective ${rpo.objectiveSeconds} s · ${lost}`)}
<div class="card"><h3>Two writers at once</h3><div class="big">${overlap ? seconds(writers.overlapSeconds) : 'never'}</div><p>${writers.overlappingWrites} overlapping writes</p></div>
<div class="card"><h3>Served by</h3><div class="big" style="font-size:24px;line-height:39px">${safe(findings.activeSite ?? 'nobody')}</div><p>execution: ${result.execution.status === 'NONE' ? 'none was started' : safe(result.execution.status.toLowerCase())}</p></div>
</div>`;
}

function objectiveCard(title: string, measured: number | null, objective: number, text: string): string {
  const share = measured === null ? 100 : objective === 0 ? (measured > 0 ? 100 : 0) : Math.min(100, (measured / objective) * 100);
  const over = measured === null || measured > objective;
  const [value = '', ...unit] = measured === 0 ? ['0', 's'] : seconds(measured).split(' ');
  return `<div class="card"><h3>${title}</h3><div class="big">${value} <small>${unit.join(' ')}</small></div><div class="meter${over ? ' over-limit' : ''}"><i style="width:${share.toFixed(1)}%"></i></div><p>${text}</p></div>`;
}

function legend(findings: Findings): string {
  const sites = sitesOf(findings).map(
    (site, index) => `<span><i style="background:var(--${index === 0 ? 'a' : 'b'})"></i>${safe(site)}</span>`,
  );
  return `<p class="legend"><span>Acknowledged orders per second</span>${sites.join('')}</p>`;
}

function phaseTable({ result }: Verdict): string {
  const phases = Object.entries(result.rto.phases);
  if (phases.length === 0) return '';
  const total = Math.max(...phases.map(([, value]) => value), 0.001);
  const rows = phases.map(
    ([name, value], index) =>
      `<tr><td>${safe(name)}</td><td class="n">${seconds(value)}</td><td class="bar"><i style="width:${((value / total) * 100).toFixed(1)}%;background:${phaseColour(index)}"></i></td></tr>`,
  );
  const sum = phases.reduce((all, [, value]) => all + value, 0);
  return `<h2>What the time was spent on</h2><div class="panel"><table><tr><th>Phase</th><th class="n">Time</th><th></th></tr>${rows.join('')}<tr><td><b>Together</b></td><td class="n"><b>${seconds(sum)}</b></td><td></td></tr></table></div>`;
}

const promiseRow = ({ text, broken }: { text: string; broken?: string }): string =>
  `<li><b class="${broken ? 'cross">✗' : 'tick">✓'}</b><span>${safe(text)}${broken ? `<span class="why">${safe(broken)}</span>` : ''}</span></li>`;

function stateTable({ execution, evidence }: Findings): string {
  if (!execution) return '';
  const states = execution.states.filter((state) => state.works);
  const end = execution.stoppedAt ?? Math.max(...states.map((state) => state.exitedAt ?? state.enteredAt));
  const span = Math.max(1, end - execution.startedAt);
  const rows = states.map((state) => {
    const exited = state.exitedAt ?? end;
    const bar = `margin-left:${(((state.enteredAt - execution.startedAt) / span) * 100).toFixed(2)}%;width:${(((exited - state.enteredAt) / span) * 100).toFixed(2)}%`;
    return `<tr><td class="t">${offset(state.enteredAt, evidence.faultAt)}</td><td>${safe(state.name)}</td><td class="n">${seconds((exited - state.enteredAt) / 1_000)}</td><td class="bar"><i style="${bar}"></i></td></tr>`;
  });
  return `<h2>The execution in ${safe(execution.region)}</h2><div class="panel"><table><tr><th>Entered</th><th>State</th><th class="n">Time</th><th></th></tr>${rows.join('')}</table>
<p class="note">${safe(execution.name)}: ${safe(execution.status)}, ${seconds(span / 1_000)}. Input: <code>${safe(execution.input)}</code></p></div>`;
}

function callTable({ execution, evidence, calls }: Findings): string {
  if (!execution) return '';
  const groups = new Map<string, { key: string[]; count: number; failed: number }>();
  for (const call of callsOfRun(evidence.calls, execution)) {
    const key = [call.region, call.service, call.action];
    const group = groups.get(key.join(' ')) ?? { key, count: 0, failed: 0 };
    groups.set(key.join(' '), { key, count: group.count + 1, failed: group.failed + (call.status >= 200 && call.status < 400 ? 0 : 1) });
  }
  const rows = [...groups.values()]
    .sort((a, b) => a.key.join(' ').localeCompare(b.key.join(' ')))
    .map(
      ({ key, count, failed }) =>
        `<tr>${key.map((text) => `<td>${safe(text)}</td>`).join('')}<td class="n">${count}</td><td class="n">${failed || ''}</td></tr>`,
    );
  return `<h2>AWS calls of the run</h2><div class="panel"><table><tr><th>Region called</th><th>Service</th><th>Action</th><th class="n">Calls</th><th class="n">Not answered well</th></tr>${rows.join('')}</table>
<p class="note">${calls.total} calls; ${calls.toFailedRegion} were answered by the failed region, ${calls.toForeignControlPlane} by a control plane outside ${safe(execution.region)}. A call without an answer cannot have been needed: it is listed, and not counted there.</p></div>`;
}

function timelineTable({ evidence }: Findings): string {
  const rows = evidence.timeline
    .slice(0, TIMELINE_ROWS)
    .map(
      ({ at, event, kind }) => `<tr class="kind-${kind}"><td class="t">${offset(at, evidence.faultAt)}</td><td>${safe(event)}</td></tr>`,
    );
  return `<h2>Timeline</h2><div class="panel"><table>${rows.join('')}</table></div>`;
}
