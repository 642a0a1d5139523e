export interface State {
  Type: string;
  Resource?: string;
  Parameters?: Record<string, unknown>;
  TimeoutSeconds?: number | string;
  TimeoutSecondsPath?: string;
  Retry?: Retrier[];
  Catch?: { ErrorEquals: string[]; Next: string }[];
  Branches?: Machine[];
  ItemProcessor?: Machine;
}
export interface Retrier {
  ErrorEquals: string[];
  IntervalSeconds?: number;
  BackoffRate?: number;
  MaxDelaySeconds?: number;
  MaxAttempts?: number | string;
}
export interface Machine {
  States: Record<string, State>;
}
export interface Named {
  name: string;
  state: State;
  /** Inside a Parallel, whose own Catch catches for it. */
  inParallel: boolean;
}
export type Task = Named;

/** Every state of a machine, those inside Map and Parallel included. */
export const statesOf = (machine: Machine, inParallel = false): Named[] =>
  Object.entries(machine.States).flatMap(([name, state]) => [
    { name, state, inParallel },
    ...(state.Branches ?? []).flatMap((branch) => statesOf(branch, true)),
    ...(state.ItemProcessor ? statesOf(state.ItemProcessor, inParallel) : []),
  ]);

export const tasksOf = (machine: Machine): Task[] => statesOf(machine).filter(({ state }) => state.Type === 'Task');

/** `${PromoteDatabase}` names lambdas/<capability>/promote-database.ts. */
export const stepFileOf = ({ state }: Task): string => {
  const placeholder = state.Resource?.startsWith('${') ? state.Resource : String(state.Parameters?.FunctionName);
  const name = /^\$\{(\w+)\}$/.exec(placeholder)![1]!;
  return name.replaceAll(/(?<!^)([A-Z])/g, '-$1').toLowerCase();
};
