import type { CreateDBInstanceMessage, CreateDBInstanceResult } from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';
import { given, withDefaults } from '../attributes.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Database } from '../database.ts';
import { describe } from '../describe.ts';
import { instanceAlreadyExists, invalidCombination, invalidValue } from '../errors.ts';
import { keepBackups, openBackup } from '../keep-backups.ts';
import { createMaster, type Master } from '../master.ts';
import { identifier } from '../names.ts';

const DEFAULT_PORT = 5432;
const RESERVED_USERNAME = /^(pg_|rds)/i;
const USERNAME = /^[a-zA-Z][a-zA-Z0-9_]{0,62}$/;

export const createInstance: Actions = { CreateDBInstance: create };

async function create({ control, region }: Call, input: CreateDBInstanceMessage): Promise<CreateDBInstanceResult> {
  const name = identifier(input.DBInstanceIdentifier, 'DBInstanceIdentifier');
  if (input.Engine !== 'postgres') throw invalidValue(`Invalid DB engine: ${input.Engine}. The lab has postgres only.`);
  const master = masterOf(input);
  if (!input.AllocatedStorage) throw invalidCombination('Invalid storage size for engine name postgres and storage type gp3: null');
  const settings = { ...given(input), DBInstanceClass: input.DBInstanceClass!, MasterUsername: master.username, DBName: input.DBName };
  const attributes = withDefaults(region, settings);
  if (control.isTaken(region, name)) throw instanceAlreadyExists();
  const database = control.add(region, name, attributes, input.Port ?? DEFAULT_PORT);
  database.setTags(input.Tags);
  control.begin(database, () => build(control, database, master));
  return { DBInstance: await describe(control, database) };
}

function masterOf(input: CreateDBInstanceMessage): Master {
  const { MasterUsername: username = '', MasterUserPassword: password = '', DBName: databaseName } = input;
  if (input.ManageMasterUserPassword) throw invalidCombination('The lab keeps no master passwords: give a MasterUserPassword.');
  if (!USERNAME.test(username)) throw invalidValue(`The parameter MasterUsername is not valid: '${username}'.`);
  if (RESERVED_USERNAME.test(username)) {
    throw invalidValue(`MasterUsername ${username} cannot be used as it is a reserved word used by the engine`);
  }
  if (password.length < 8 || /[/"@\s]/.test(password)) {
    throw invalidValue(
      'The parameter MasterUserPassword is not a valid password. At least 8 printable characters besides /, ", @ and space.',
    );
  }
  return { username, password, databaseName };
}

async function build(control: ControlPlane, database: Database, master: Master): Promise<void> {
  await control.pass(database, 'creating', control.durations.create);
  await database.exclusive(() => database.server.initialize());
  await openBackup(control, database);
  await control.bringUp(database);
  await createMaster(database.server, master);
  await finishCreation(control, database);
}

/** The last part of each way to get an instance: it has an endpoint now, and a first backup is taken where backups are on. */
export async function finishCreation(control: ControlPlane, database: Database): Promise<void> {
  database.createdAt = new Date();
  if (database.backup) await Promise.all([keepBackups(control, database), control.pass(database, 'backing-up', control.durations.backUp)]);
  database.status = 'available';
  control.record(database, 'DB instance created');
}
