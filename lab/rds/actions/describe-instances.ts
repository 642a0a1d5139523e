import type { DBInstanceMessage, DescribeDBInstancesMessage, DescribeEventsMessage, EventsMessage, Filter } from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';
import type { Database } from '../database.ts';
import { describe } from '../describe.ts';
import { invalidValue } from '../errors.ts';
import { parseReference } from '../names.ts';
import { page } from '../page.ts';

const DEFAULT_DURATION_MINUTES = 60;

export const describeInstances: Actions = { DescribeDBInstances: describeAll, DescribeEvents: describeEvents };

async function describeAll(call: Call, input: DescribeDBInstancesMessage): Promise<DBInstanceMessage> {
  const { control, region } = call;
  const named = input.DBInstanceIdentifier ? [control.get(region, input.DBInstanceIdentifier)] : [...control.databases];
  const here = named.filter((database) => database.region === region && (input.Filters ?? []).every((filter) => matches(database, filter)));
  const { items, marker } = page(here, (database) => database.identifier, input);
  return { DBInstances: await Promise.all(items.map((database) => describe(control, database))), Marker: marker };
}

function matches(database: Database, { Name, Values = [] }: Filter): boolean {
  switch (Name) {
    case 'db-instance-id':
      return Values.some((value) => {
        const { region, name } = parseReference(value, 'db', database.region);
        return region === database.region && name === database.identifier;
      });
    case 'dbi-resource-id':
      return Values.includes(database.resourceId);
    case 'engine':
      return Values.includes(database.attributes.Engine ?? '');
    case 'db-cluster-id':
    case 'domain':
      return false;
    default:
      throw invalidValue(`Unrecognized filter name: ${Name}`);
  }
}

function describeEvents({ control, region }: Call, input: DescribeEventsMessage): EventsMessage {
  const end = input.EndTime ?? new Date();
  const start = input.StartTime ?? new Date(end.getTime() - (input.Duration ?? DEFAULT_DURATION_MINUTES) * 60_000);
  const identifier = input.SourceIdentifier?.toLowerCase();
  const events = control.events.filter(
    (event) => event.region === region && event.at >= start && event.at <= end && (!identifier || event.identifier === identifier),
  );
  return {
    Events: events.map(({ at, identifier: SourceIdentifier, message }) => ({
      Date: at,
      SourceIdentifier,
      SourceType: 'db-instance',
      Message: message,
    })),
  };
}
