import { setTimeout as sleep } from 'node:timers/promises';
import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { Region } from '../types.ts';
import { type AlarmStateChange, lambdaEvent, notification, stateChange, type Transition } from './alarm-event.ts';

/** How an alarm reaches what it acts on. Each call is bounded by its implementer or by the deadline here, and tried again on failure. */
export interface Deliveries {
  invokeLambda(region: Region, functionArn: string, event: object): Promise<void>;
  publish(region: Region, topicArn: string, subject: string, message: string): Promise<void>;
  putEvent?(region: Region, event: AlarmStateChange): Promise<void>;
}

const ATTEMPTS = 3;
const BACKOFF_MS = 1000;
const DEADLINE_MS = 10_000;

/** Everything that a change of state sets off; `record` is told of each action's end. */
export async function act(
  deliveries: Deliveries,
  transition: Transition,
  signal: AbortSignal,
  record: (target: string, error: Error | undefined) => void,
): Promise<void> {
  const { region, alarm, current } = transition;
  const deliver = (target: string, send: () => Promise<void>) =>
    attempt(send, signal).then(
      () => record(target, undefined),
      (error: Error) => record(target, error),
    );
  const event = deliveries.putEvent && deliver('EventBridge', () => deliveries.putEvent!(region, stateChange(transition)));
  const actions = alarm.ActionsEnabled === false ? [] : actionsFor(alarm, current.value);
  await Promise.all([event, ...actions.map((arn) => deliver(arn, () => perform(deliveries, arn, transition)))]);
}

function actionsFor(alarm: MetricAlarm, state: Transition['current']['value']): string[] {
  const actions = { OK: alarm.OKActions, ALARM: alarm.AlarmActions, INSUFFICIENT_DATA: alarm.InsufficientDataActions };
  return actions[state] ?? [];
}

async function perform(deliveries: Deliveries, arn: string, transition: Transition): Promise<void> {
  const service = arn.split(':')[2];
  if (service === 'lambda') return deliveries.invokeLambda(transition.region, arn, lambdaEvent(transition));
  if (service === 'sns') {
    const { subject, message } = notification(transition);
    return deliveries.publish(transition.region, arn, subject, message);
  }
  throw new Error(`The lab does not model alarm actions of ${service}`);
}

async function attempt(send: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      return await withDeadline(send(), signal);
    } catch (error) {
      if (tried === ATTEMPTS || signal.aborted) throw error;
      await sleep(BACKOFF_MS, undefined, { signal });
    }
  }
}

/** `promise`, unless it takes too long or the service stops. */
export async function withDeadline<T>(promise: Promise<T>, signal: AbortSignal, deadlineMs = DEADLINE_MS): Promise<T> {
  const ended = new AbortController();
  const late = sleep(deadlineMs, undefined, { signal: AbortSignal.any([signal, ended.signal]) }).then(() => {
    throw new Error(`No answer within ${deadlineMs} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    ended.abort();
  }
}
