import { blockAll } from '../faults/block.ts';
import { endSandboxes } from '../faults/processes.ts';
import { rotateSecretAlone } from '../faults/wrong-secret.ts';
import {
  everyLossExported,
  everythingKept,
  isolatedUntilSetAside,
  lossWithin,
  oneWriter,
  oneWriterAtATime,
  runSucceeded,
  servedBy,
  wasInterrupted,
} from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 240, rpoSeconds: 60 };

export const fenceByNetwork: Scenario = {
  name: 'fence-by-network',
  title: 'The old writer lives, and Lifeboat cannot log in to it',
  story:
    'Somebody rotates the secret in the primary region and forgets the database, and the functions that knew the old one end. Its guard can neither renew the right to write in the ' +
    'database nor take logins away. Then the way to its load balancer breaks for everybody outside. The workload moves, and the old writer, ' +
    'alive among its clients, is taken off the network: an isolating security group, a reboot, and its own groups again once it stands ' +
    'aside under another name.',
  objectives,
  group: 'safety',
  async run(drill) {
    await drill.writesInside(drill.primary, 100, 30_000);
    let repair = async () => {};
    await drill.fault(`The secret in ${drill.primary} opens nothing any more`, async () => {
      repair = await rotateSecretAlone(drill, drill.primary);
      // A function that remembers the old password goes on with it, for as long as its sandbox lives.
      endSandboxes(drill, drill.primary, ['watch', 'reconcile-site']);
    });
    // With the last that knew it ends the right to write in the database.
    await drill.refusedInside(drill.primary, 100, 300_000);
    await drill.fault(`Nobody outside ${drill.primary} reaches its load balancer any more`, () => {
      drill.moves.push(Date.now());
      blockAll(drill, drill.others(drill.primary), [drill.at(drill.primary).site.loadBalancerHost]);
    });
    await drill.failover(drill.recovery, 300_000);
    await drill.called(drill.primary, 'RebootDBInstance', 120_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
    await drill.mend('The secret is put right', () => repair());
    await drill.exported(drill.primary, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [
    wasInterrupted(),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    oneWriterAtATime(),
    isolatedUntilSetAside(),
    everythingKept(),
    everyLossExported(),
    servedBy('recovery'),
    runSucceeded(),
  ],
};
