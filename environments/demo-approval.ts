import { defineEnvironment } from './define.ts';
import demo from './demo.ts';

/** The demo with approvals by link, and with a cool-down that a drill can outlast: what the lab deploys for the scenarios that ask people. */
export default defineEnvironment({
  ...demo,
  name: 'demo-approval',
  failover: { ...demo.failover, cooldownMinutes: 5, approvalLink: true },
});
