import type { Answer, Question } from '../kit/approvals.ts';

export interface Page {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  // The link is a key: it must stay in no cache, in no other site's log, and in no frame.
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex, nofollow',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
};

const STYLE =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}dt{font-weight:600}dd{margin:0 0 .6rem}' +
  'textarea{width:100%;box-sizing:border-box}button{font:inherit;padding:.5rem 1.2rem;margin:.6rem .6rem 0 0}';

export const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** A page that says one thing. */
export const saying = (statusCode: number, title: string, text: string): Page => ({
  statusCode,
  headers: HEADERS,
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${STYLE}</style><h1>${escaped(title)}</h1>${text}</html>`,
});

export const paragraph = (text: string): string => `<p>${escaped(text)}</p>`;

const lossText = (loss: Question['loss']): string => {
  if (!loss) return 'nothing';
  const { lag, objectiveSeconds } = loss;
  return lag.kind === 'known' ? `${lag.seconds} s of writes (objective: ${objectiveSeconds} s)` : `unknown: ${lag.why}`;
};

/** What is asked, and two buttons. Opening it changes nothing: programs that scan mail open links, too. */
export const questionPage = (environment: string, incident: string, workload: string, question: Question): Page => {
  const { mode, reason, because, loss, expiresAt } = question;
  const facts: [string, string][] = [
    ['Environment', environment],
    ['Incident', incident],
    ['Started because', reason],
    ['You are asked because', because],
    ['Would be lost', lossText(loss)],
    ['Answer before', expiresAt],
  ];
  const list = facts.map(([name, value]) => `<dt>${name}</dt><dd>${escaped(value)}</dd>`).join('');
  const form =
    '<form method="post"><label>Why <textarea name="reason" rows="3" maxlength="500" required></textarea></label><br>' +
    '<button name="answer" value="approve">Approve</button><button name="answer" value="refuse">Refuse</button></form>';
  return saying(200, `Approve ${mode} of ${workload}?`, `<dl>${list}</dl>${form}`);
};

export const answeredPage = (statusCode: number, { verdict, by, at, reason }: Answer): Page =>
  saying(
    statusCode,
    statusCode === 200 ? `Thank you: ${verdict}` : `Answered already: ${verdict}`,
    paragraph(`By ${by} at ${at}: ${reason}`),
  );
