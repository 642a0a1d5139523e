import { type LinkedQuestion, type Mac, readLink } from '../kit/approval-link.ts';
import { type Answer, Approvals, type SendAnswer } from '../kit/approvals.ts';
import { messageOf } from '../kit/errors.ts';
import { Incidents } from '../kit/incidents.ts';
import { Ledger } from '../kit/ledger.ts';
import { log } from '../kit/log.ts';
import { type Environment, loadPlan } from '../kit/plan.ts';
import { required } from '../kit/step.ts';
import { macOf } from '../resources/mac.ts';
import { answerSender } from '../resources/state-machine.ts';
import { answeredPage, escaped, type Page, paragraph, questionPage, saying } from './approval-page.ts';

const LONGEST_REASON = 500;

/** A request to the function URL, payload format 2.0; only what is used. AWS, Lambda developer guide, 'Function URLs', 2026-11. */
export interface UrlRequest {
  queryStringParameters?: Record<string, string>;
  requestContext: { http: { method: string; sourceIp?: string; userAgent?: string } };
  body?: string;
  isBase64Encoded?: boolean;
}

export interface AnswerServices {
  plan: Pick<Environment, 'name' | 'notify'>;
  topic: string;
  approvals: Approvals;
  mac: Pick<Mac, 'verify'>;
  send: SendAnswer;
  /** Epoch milliseconds. */
  now(): number;
}

/**
 * The page behind an approval's link. GET shows what is asked and changes nothing; POST answers, once. A link that is forged, too late,
 * used before or for a run that has ended gets one page that says so, with the status 403, 410, 409 or 410. An answer that was recorded and
 * did not reach the run can be sent again, as it was given.
 */
export const buildAnswerPage =
  (services: AnswerServices) =>
  async (event: UrlRequest): Promise<Page> => {
    const { method } = event.requestContext.http;
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST')
      return saying(405, 'Not possible', paragraph('Open the link to answer.'));
    try {
      const linked = await readLink(services.plan.name, event.queryStringParameters ?? {}, services.mac);
      if (!linked)
        return saying(403, 'This link is not valid', paragraph('It was not made by Lifeboat, or not for this. Nothing was answered.'));
      return await (method === 'POST' ? answer(event, linked, services) : show(linked, services));
    } catch (error) {
      log('approval-page-failed', { method, error: messageOf(error) });
      return saying(503, 'Not now', paragraph('This could not be read or written now. Try again, or use the command in the message.'));
    }
  };

const show = async (linked: LinkedQuestion, { plan, approvals, now }: AnswerServices): Promise<Page> => {
  const { incident, workload, question: id } = linked;
  const question = await approvals.find(incident, workload);
  if (!question || question.id !== id) return unasked();
  const given = await approvals.answerTo(incident, workload, question);
  const isOver = now() >= linked.expiresAt;
  // Once it is over the run takes what is recorded, delivered or not.
  if (given) return isOver || isDelivered(given) ? answeredPage(409, given) : undeliveredPage(given);
  return isOver ? late(question.expiresAt) : questionPage(plan.name, incident, workload, question);
};

const answer = async (event: UrlRequest, linked: LinkedQuestion, services: AnswerServices): Promise<Page> => {
  const { approvals, send, now } = services;
  const form = formOf(event);
  const [chosen, reason] = [form.get('answer'), (form.get('reason') ?? '').trim()];
  if (chosen !== 'approve' && chosen !== 'refuse')
    return saying(400, 'Approve or refuse?', paragraph('Nothing was answered. Go back and choose.'));
  if (reason.length === 0 || reason.length > LONGEST_REASON)
    return saying(400, 'Why?', paragraph(`Nothing was answered. Go back and say why, in up to ${LONGEST_REASON} characters.`));
  const given = { ...answererOf(event, services), verdict: chosen === 'approve' ? 'approved' : 'refused', reason } as const;
  const { incident, workload, question: id } = linked;
  const outcome = await approvals.answer({ incident, workload, id, now: now() }, given, send);
  switch (outcome.kind) {
    case 'done':
      return answeredPage(200, outcome.answer);
    case 'already':
      return show(linked, services);
    case 'late':
      return late(outcome.expiresAt);
    case 'ended':
      return saying(
        410,
        'Too late',
        paragraph('The run waits no longer: it has ended, or was stopped. Your answer is in its record and has done nothing.'),
      );
    case 'unasked':
      return unasked();
  }
};

/** The policy's answer is the run's own. */
const isDelivered = (given: Answer & { delivered?: boolean }): boolean => given.delivered === true || given.via === 'policy';

/** The first answer counts, so it is the only one that can be sent. Opening this sends nothing: programs that scan mail open links, too. */
const undeliveredPage = ({ verdict, by, at, reason }: Answer): Page =>
  saying(
    409,
    `Answered, and not delivered yet: ${verdict}`,
    `${paragraph(`By ${by} at ${at}: ${reason}`)}${paragraph('This is recorded and counts. The run is not known to have received it, and waits.')}` +
      `<form method="post"><input type="hidden" name="reason" value="${escaped(reason.slice(0, LONGEST_REASON))}">` +
      `<button name="answer" value="${verdict === 'approved' ? 'approve' : 'refuse'}">Send it again</button></form>`,
  );

/** A link is whoever's who holds it: the record says to whom it was sent and from where it was used. */
const answererOf = (
  { requestContext: { http } }: UrlRequest,
  { plan, topic, now }: AnswerServices,
): Pick<Answer, 'by' | 'via' | 'from' | 'at'> => ({
  by: `a holder of the link sent to ${[topic, ...plan.notify.emails].join(', ')}`,
  via: 'link',
  from: `${http.sourceIp ?? 'address unknown'}, ${(http.userAgent ?? 'program unknown').slice(0, 200)}`,
  at: new Date(now()).toISOString(),
});

const formOf = ({ body = '', isBase64Encoded }: UrlRequest): URLSearchParams =>
  new URLSearchParams(isBase64Encoded ? Buffer.from(body, 'base64').toString('utf8') : body);

const late = (expiresAt: string): Page =>
  saying(410, 'Too late', paragraph(`The time to answer ended at ${expiresAt}. Nothing was answered.`));
const unasked = (): Page =>
  saying(410, 'Nobody waits for this answer', paragraph('This was asked again since, or the run is another one. Use the newest message.'));

let page: ReturnType<typeof buildAnswerPage> | undefined;

export const handler = (event: UrlRequest): Promise<Page> => {
  page ??= deployedPage();
  return page(event);
};

const deployedPage = () => {
  const ledger = new Ledger(required('LIFEBOAT_LEDGER_TABLE'));
  return buildAnswerPage({
    plan: loadPlan(),
    topic: required('LIFEBOAT_TOPIC_ARN'),
    approvals: new Approvals(ledger, new Incidents(ledger)),
    mac: macOf(required('LIFEBOAT_APPROVAL_KEY')),
    send: answerSender(),
    now: Date.now,
  });
};
