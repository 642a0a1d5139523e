import type { Region } from '../types.ts';
import type { ControlPlane } from './control-plane.ts';

/** What an action works on, beside its input. */
export interface Call {
  control: ControlPlane;
  /** The region that is called. */
  region: Region;
  /** Who calls. */
  account: string;
}

/** One operation of the RDS API. A fault is thrown. */
export type Action<Input, Output extends object> = (call: Call, input: Input) => Output | Promise<Output>;

/** Actions by the operation's name. */
export type Actions = Record<string, Action<never, object>>;
