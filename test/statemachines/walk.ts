/** A machine's states as far as the failover's inner machine uses them; the engines of the lab and of AWS do the whole of it. */
interface WalkState {
  Type: 'Task' | 'Choice' | 'Parallel' | 'Pass' | 'Succeed';
  Next?: string;
  Default?: string;
  Choices?: { Variable: string; BooleanEquals?: boolean; StringEquals?: string; Next: string }[];
  Branches?: WalkMachine[];
  Parameters?: Record<string, unknown>;
  ResultSelector?: Record<string, unknown>;
  ResultPath?: string;
  Retry?: { ErrorEquals: string[] }[];
  Catch?: { ErrorEquals: string[]; ResultPath: string; Next: string }[];
}
export interface WalkMachine {
  StartAt: string;
  States: Record<string, WalkState>;
}
type Data = Record<string, unknown>;

/** The run was stopped from outside: nothing catches that. */
export class Killed extends Error {}

export interface Walk {
  /** Runs a Task with what the state passes to it. */
  task(state: string, payload: Data): Promise<unknown>;
  /** Called between two tries of a state that waits. */
  tick(): void;
}

const MOST_TRIES = 100;
/** A state that is entered again has another token. */
let entries = 0;

/** Walks a machine as its text says: Task with Retry and Catch, Choice, Parallel (one branch after the other), Pass. */
export const walk = async (machine: WalkMachine, input: Data, engine: Walk): Promise<Data> => {
  let data = input;
  for (let name: string | undefined = machine.StartAt; name; ) {
    const state: WalkState | undefined = machine.States[name];
    if (!state) throw new Error(`no state '${name}'`);
    if (state.Type === 'Choice') {
      name = choose(state, data);
      continue;
    }
    try {
      data = place(data, state.ResultPath, await resultOf(name, state, data, engine));
      name = state.Next;
    } catch (error) {
      const caught = error instanceof Killed ? undefined : catcherOf(state, error as Error);
      if (!caught) throw error;
      data = place(data, caught.ResultPath, {
        Error: (error as Error).name,
        Cause: JSON.stringify({ errorMessage: (error as Error).message }),
      });
      name = caught.Next;
    }
  }
  return data;
};

const resultOf = async (name: string, state: WalkState, data: Data, engine: Walk): Promise<unknown> => {
  switch (state.Type) {
    case 'Task':
      entries += 1;
      return tried(name, state, fill(state.Parameters!, data) as Data, engine);
    case 'Parallel': {
      const results: Data[] = [];
      for (const branch of state.Branches!) results.push(await walk(branch, data, engine));
      return state.ResultSelector ? fill(state.ResultSelector, results) : results;
    }
    default:
      return state.Parameters ? fill(state.Parameters, data) : data;
  }
};

const tried = async (name: string, state: WalkState, payload: Data, engine: Walk): Promise<unknown> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await engine.task(name, (payload.Payload as Data | undefined) ?? payload);
    } catch (error) {
      const waits = (state.Retry ?? []).some(({ ErrorEquals }) => ErrorEquals.includes((error as Error).name));
      if (error instanceof Killed || !waits || attempt === MOST_TRIES) throw error;
      engine.tick();
    }
  }
};

const catcherOf = (state: WalkState, { name }: Error) =>
  (state.Catch ?? []).find(({ ErrorEquals }) => ErrorEquals.includes(name) || ErrorEquals.includes('States.ALL'));

const choose = ({ Choices = [], Default }: WalkState, data: Data): string | undefined =>
  Choices.find(({ Variable, BooleanEquals, StringEquals }) => at(Variable, data) === (BooleanEquals ?? StringEquals))?.Next ?? Default;

const fill = (template: unknown, data: unknown): unknown => {
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) =>
      key.endsWith('.$')
        ? [key.slice(0, -2), String(value).startsWith('$$') ? `${value} ${entries}` : at(String(value), data)]
        : [key, fill(value, data)],
    ),
  );
};

const at = (path: string, data: unknown): unknown =>
  path
    .slice(1)
    .split(/[.[\]]/)
    .filter(Boolean)
    .reduce<unknown>((value, key) => (value as Data | undefined)?.[key], data);

const place = (data: Data, path: string | undefined, result: unknown): Data =>
  path === undefined || path === '$' ? (result as Data) : { ...data, [path.slice(2)]: result };
