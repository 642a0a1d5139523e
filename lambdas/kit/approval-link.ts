/** Makes and checks message authentication codes with a key that never leaves its keeper. */
export interface Mac {
  sign(message: string): Promise<Buffer>;
  verify(message: string, mac: Buffer): Promise<boolean>;
}

/** Which question a link answers. */
export interface LinkedQuestion {
  incident: string;
  workload: string;
  /** The question's id: a later question of the same incident is another one. */
  question: string;
  /** Epoch milliseconds. */
  expiresAt: number;
}

/** Longer than any name here; what is longer was not made by us. */
const LONGEST = 256;
const MAC_BYTES = 32;

/** Environment and purpose are part of what is signed: a code for one is worth nothing for another. */
const messageOf = (environment: string, { incident, workload, question, expiresAt }: LinkedQuestion): string =>
  JSON.stringify(['lifeboat approval', environment, incident, workload, question, expiresAt]);

/** The address that opens the page of a question. It carries no task token. */
export const linkTo = async (base: string, environment: string, asked: LinkedQuestion, mac: Pick<Mac, 'sign'>): Promise<string> => {
  const url = new URL(base);
  url.searchParams.set('incident', asked.incident);
  url.searchParams.set('workload', asked.workload);
  url.searchParams.set('question', asked.question);
  url.searchParams.set('expires', String(asked.expiresAt));
  url.searchParams.set('code', (await mac.sign(messageOf(environment, asked))).toString('base64url'));
  return url.href;
};

/** The question of a link that we made; nothing for any other. What is not even shaped like one costs no call. */
export const readLink = async (
  environment: string,
  query: Record<string, string | undefined>,
  mac: Pick<Mac, 'verify'>,
): Promise<LinkedQuestion | undefined> => {
  const { incident = '', workload = '', question = '', expires = '', code = '' } = query;
  const given = Buffer.from(code, 'base64url');
  const shaped = [incident, workload, question].every((text) => text.length > 0 && text.length <= LONGEST) && /^\d{1,16}$/.test(expires);
  if (!shaped || given.length !== MAC_BYTES) return undefined;
  const asked = { incident, workload, question, expiresAt: Number(expires) };
  return (await mac.verify(messageOf(environment, asked), given)) ? asked : undefined;
};
