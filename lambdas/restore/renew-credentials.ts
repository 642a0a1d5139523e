import { NotReady } from '../kit/errors.ts';
import { defineStep } from '../kit/step.ts';
import { Postgres, type PostgresOptions } from '../resources/postgres.ts';
import { renewRoles } from '../resources/postgres-roles.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { OWNER_TAG } from '../resources/rds-snapshots.ts';
import { newPassword, SecretStore } from '../resources/secret-store.ts';
import { findRestored, incidentOf } from './replacement.ts';
import { cleanName, INCIDENT_TAG, restoredDatabase, restoreRun } from './restoring.ts';

/**
 * New passwords for every login that is known, and no login for any other. They are kept in a secret of their own, under the clean key,
 * before the database learns of them. Stands in the isolated network, as the database does. Only names leave it.
 * @throws NotReady until the database answers.
 */
export const renewCredentials = defineStep({
  name: 'renew-credentials',
  input: restoreRun,
  throws: [NotReady],
  build: ({ region }) => ({
    instances: new RdsInstances(),
    secrets: new SecretStore(region),
    connect: (options: PostgresOptions) => new Postgres(options),
  }),
  run: async (input, services) => {
    const { workload, request } = input;
    const { plan, instances, secrets, connect } = services;
    const name = cleanName(plan, request);
    if (request.dryRun) return { would: `renew all passwords, into the secret ${name}`, secret: name, left: [] };
    const { applicationRoles, port, databaseName, secret, tls } = restoredDatabase(plan, workload, request);
    const { restored, inPlace } = findRestored(await instances.list(), services, input);
    if (inPlace) return { secret: name, left: [] }; // gone on with after it was put in place
    if (!restored?.host) throw new NotReady('the restored instance has no endpoint yet');
    const { cleanKey } = await incidentOf(input, services);
    const fresh = {
      username: await secrets.usernameIn(secret),
      password: newPassword(),
      applicationPasswords: Object.fromEntries(applicationRoles.map((role) => [role, newPassword()])),
    };
    const tags = { [OWNER_TAG]: plan.name, [INCIDENT_TAG]: request.incident };
    const own = await secrets.keepNew(name, fresh, cleanKey!, tags);
    const loginWith = (by: string) => connect({ host: async () => restored.host!, port, databaseName, secret: by, tls });
    const renew = (by: string) => loginWith(by).with((client) => renewRoles(client, { own, application: own.applicationPasswords }));
    // An earlier try may have come as far as its own password.
    const result = await renew(name).catch((error: unknown) => {
      if (error instanceof NotReady) return renew(secret);
      throw error;
    });
    return { secret: name, ...result };
  },
});
export const handler = renewCredentials.handler;
