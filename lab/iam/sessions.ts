import { askEngine } from '../gateway/forward.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { AwsService } from '../types.ts';

/**
 * STS's `AssumeRole`. The engine gives any role to anybody; who may have one of the deployment's is decided before it is asked. Here the
 * gateway learns whose the new access key is: calls with it are the role's, in the role's account.
 */
export const assumeRole =
  (gateway: Gateway): AwsService =>
  async (call) => {
    const answer = await askEngine(call, gateway.engineOf('sts', call.region));
    const role = new URLSearchParams(call.body.toString('utf8')).get('RoleArn') ?? '';
    const key = /<AccessKeyId>([^<]+)</.exec(String(answer.body))?.[1];
    const account = role.split(':')[4];
    if (key && account) {
      gateway.accounts.set(key, account);
      gateway.principals.set(key, role);
    }
    return answer;
  };
