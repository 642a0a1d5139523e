import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateHostedZoneCommand, Route53Client } from '@aws-sdk/client-route-53';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import hundreds from '../environments/hundreds.ts';
import { asPerson } from '../lab/drill/person.ts';
import type { Lab } from '../lab/lab.ts';

const { name, sites, workloads } = hundreds;
const LEASE_MS = 86_400_000;

/** What the user of the environment `hundreds` has before Lifeboat comes: a zone, and databases of which nobody keeps more than the name. */
export async function provision(lab: Lab): Promise<void> {
  const route53 = new Route53Client(asPerson(lab, 'us-east-1'));
  const zone = new CreateHostedZoneCommand({ Name: workloads[0]!.endpoint.hostedZone.name, CallerReference: 'bench' });
  await route53.send(zone).finally(() => route53.destroy());
  const databases = workloads.flatMap((workload) => workload.databases);
  // Such an account has asked AWS for more than a new one gets; copies in progress stay 20.
  Object.assign(lab.rdsQuotas, { instances: databases.length, manualSnapshots: databases.length });
  for (const site of ['primary', 'recovery'] as const)
    lab.listOnly(
      sites[site].region,
      databases.map(({ instances }) => instances[site]),
    );
}

/** The leases as the guards of the home site would make them: guards do not run here, since these databases would never answer them. */
export async function lease(lab: Lab): Promise<void> {
  const client = new DynamoDBClient(asPerson(lab, sites.primary.region));
  const table = DynamoDBDocumentClient.from(client);
  const put = workloads.map(({ name: workload }) =>
    table.send(
      new PutCommand({
        TableName: `lifeboat-${name}-ledger`,
        Item: {
          pk: `lease#${workload}`,
          sk: 'lease',
          workload,
          holder: 'primary',
          serving: 'primary',
          epoch: 1,
          expiresAt: Date.now() + LEASE_MS,
          released: false,
        },
      }),
    ),
  );
  await Promise.all(put).finally(() => client.destroy());
}
