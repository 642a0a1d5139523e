import { defineEnvironment } from './define.ts';
import demo from './demo.ts';

/** The demo with the shortest times that the rules allow: what the lab deploys for the fault sweep, which waits through them hundreds of times. */
export default defineEnvironment({
  ...demo,
  name: 'sweep',
  detection: { ...demo.detection, probeTimeoutSeconds: 2, confirmationSeconds: 10 },
  lease: { ttlSeconds: 13, renewEverySeconds: 2, maxClockSkewSeconds: 1, fenceLeadSeconds: 3 },
  // A sweep starts each run itself: one that an alarm started beside it would be judged for what it did not do.
  failover: { ...demo.failover, policy: 'manual' },
  dns: { ...demo.dns, ttlSeconds: 1 },
  workloads: demo.workloads.map((workload) => ({ ...workload, objectives: { rtoSeconds: 240, rpoSeconds: 60 } })),
});
