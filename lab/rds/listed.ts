import type { CreateDBInstanceMessage } from '@aws-sdk/client-rds';
import type { Region } from '../types.ts';
import { given, withDefaults } from './attributes.ts';
import type { ControlPlane } from './control-plane.ts';

/** An instance without a server behind it, available at once. */
export function addListed(control: ControlPlane, region: Region, identifier: string, settings: Partial<CreateDBInstanceMessage>): void {
  const { DBInstanceClass = 'db.t4g.micro', MasterUsername = 'orders_admin', AllocatedStorage = 20 } = settings;
  const attributes = withDefaults(region, {
    AllocatedStorage,
    ...given(settings),
    DBInstanceClass,
    MasterUsername,
    DBName: settings.DBName,
  });
  const database = control.add(region, identifier, attributes, settings.Port ?? 5432);
  database.listedOnly = true;
  database.createdAt = new Date();
  database.setTags(settings.Tags);
  database.status = 'available';
}
