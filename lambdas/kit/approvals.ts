import { createHash } from 'node:crypto';
import type { Incidents, Lag } from './incidents.ts';
import type { Ledger } from './ledger.ts';

export type Verdict = 'approved' | 'refused';

/** What a run asks, and what answers it. Times are ISO 8601 UTC. */
export interface Question {
  /** Names this question among those of its incident; it says nothing about the token. */
  id: string;
  /** The key to the waiting run: it is kept here and goes nowhere else. */
  token: string;
  askedAt: string;
  expiresAt: string;
  mode: string;
  /** Why the run was started. */
  reason: string;
  /** Why a person is asked. */
  because: string;
  /** What going on would lose, where it is a failover that asks. */
  loss?: { lag: Lag; objectiveSeconds: number };
  /** How often people were reminded so far. */
  reminders: number;
}

/** Who answered, how, from where, when and why. */
export interface Answer {
  verdict: Verdict;
  by: string;
  via: 'link' | 'command' | 'policy';
  /** What is known of the place: source address and program, or host and user. */
  from?: string;
  at: string;
  reason: string;
}

/** A loss over the objective, or one that nobody could measure, that somebody or a written policy accepted. */
export interface AcceptedLoss {
  lag: Lag;
  objectiveSeconds: number;
  by: string;
  reason: string;
  at: string;
}

/** Who approved, and what the loss was when it was asked. */
export interface Approved {
  via: Answer['via'];
  lag?: Lag;
}

/** Answers the run that waits under a token. `ended`: it waits no longer. */
export type SendAnswer = (token: string, answer: Answer) => Promise<'delivered' | 'ended'>;

export type Answered =
  | { kind: 'done'; answer: Answer }
  | { kind: 'already'; answer: Answer }
  | { kind: 'ended'; answer: Answer }
  | { kind: 'late'; expiresAt: string }
  /** Nobody asks, or no longer this. */
  | { kind: 'unasked' };

const questionKey = (incident: string, workload: string) => ({ pk: `incident#${incident}`, sk: `#question#${workload}` });
const answerKey = (incident: string, workload: string, id: string) => ({ pk: `incident#${incident}`, sk: `#answer#${workload}#${id}` });

/** A question as it is asked now, and open for so long. */
export const questionOf = (
  asked: Pick<Question, 'token' | 'mode' | 'reason' | 'because' | 'loss'>,
  { now, withinSeconds }: { now: number; withinSeconds: number },
): Question => ({
  ...asked,
  id: questionId(asked.token),
  askedAt: new Date(now).toISOString(),
  expiresAt: new Date(now + withinSeconds * 1000).toISOString(),
  reminders: 0,
});

/** The same for each try of one state: a token asks one question. */
const questionId = (token: string): string => createHash('sha256').update(token).digest('hex').slice(0, 24);

/** Questions to people in the ledger. Each takes one answer, whoever is first. */
export class Approvals {
  constructor(
    private readonly ledger: Pick<Ledger, 'get' | 'put' | 'set'>,
    private readonly incidents: Pick<Incidents, 'note'>,
  ) {}

  async ask(incident: string, workload: string, question: Question): Promise<void> {
    await this.ledger.put({ ...questionKey(incident, workload), ...question });
    await this.incidents.note(incident, workload, { approval: open(question) });
  }

  async find(incident: string, workload: string): Promise<Question | undefined> {
    return (await this.ledger.get(questionKey(incident, workload))) as Question | undefined;
  }

  async answerTo(incident: string, workload: string, { id }: Question): Promise<Answer | undefined> {
    return (await this.ledger.get(answerKey(incident, workload, id))) as Answer | undefined;
  }

  /** What was approved last, of an open question or one that was answered; nothing where that is refused, or is too long ago. */
  async approved(incident: string, workload: string, { now, withinMs }: { now: number; withinMs: number }): Promise<Approved | undefined> {
    const question = await this.find(incident, workload);
    if (!question) return undefined;
    const answer = await this.answerTo(incident, workload, question);
    if (answer?.verdict !== 'approved' || now - Date.parse(answer.at) > withinMs) return undefined;
    return { via: answer.via, lag: question.loss?.lag };
  }

  reminded(incident: string, workload: string, reminders: number): Promise<void> {
    return this.ledger.set(questionKey(incident, workload), { reminders });
  }

  /**
   * Keeps the first answer to a question and writes it into the incident, with the loss that it accepts, before anything is done on
   * it. Returns the answer that counts, which may be another's.
   */
  async record(incident: string, workload: string, question: Question, given: Answer): Promise<Answer> {
    const key = answerKey(incident, workload, question.id);
    const first = await this.ledger.put({ ...key, ...given }, 'attribute_not_exists(pk)');
    const answer = first ? given : ((await this.ledger.get(key)) as unknown as Answer);
    await this.incidents.note(incident, workload, {
      approval: { ...open(question), answer: plain(answer) },
      acceptedLoss: answer.verdict === 'approved' ? acceptedLoss(question, answer) : undefined,
    });
    return answer;
  }

  /**
   * Answers the open question of an incident once. An answer that was recorded and did not reach the run is sent again by whoever gives
   * the same one.
   * @param id the question that is meant; without it the one that is open.
   */
  async answer(
    { incident, workload, id, now }: { incident: string; workload: string; id?: string; now: number },
    given: Answer,
    send: SendAnswer,
  ): Promise<Answered> {
    const question = await this.find(incident, workload);
    if (!question || (id !== undefined && id !== question.id)) return { kind: 'unasked' };
    const before = await this.answerTo(incident, workload, question);
    if (before && (before.verdict !== given.verdict || isDelivered(before))) return { kind: 'already', answer: plain(before) };
    if (!before && now >= Date.parse(question.expiresAt)) return { kind: 'late', expiresAt: question.expiresAt };
    const answer = await this.record(incident, workload, question, given);
    if (answer.verdict !== given.verdict) return { kind: 'already', answer: plain(answer) };
    if ((await send(question.token, answer)) === 'ended') return { kind: 'ended', answer: plain(answer) };
    await this.ledger.set(answerKey(incident, workload, question.id), { delivered: true });
    return { kind: 'done', answer: plain(answer) };
  }
}

const isDelivered = (answer: Answer): boolean => (answer as Answer & { delivered?: boolean }).delivered === true;

/** What the incident says of a question: not its token. */
const open = ({ askedAt, expiresAt, because }: Question) => ({ askedAt, expiresAt, because });

const plain = ({ verdict, by, via, from, at, reason }: Answer): Answer => ({ verdict, by, via, from, at, reason });

/** Nothing where what would be lost is within the objective: that was accepted when the objective was written. */
const acceptedLoss = ({ loss }: Question, { by, reason, at }: Answer): AcceptedLoss | undefined =>
  !loss || (loss.lag.kind === 'known' && loss.lag.seconds <= loss.objectiveSeconds) ? undefined : { ...loss, by, reason, at };
