import type { Region } from '../types.ts';
import type { Drill } from './drill.ts';
import type { SiteRows } from './judge/evidence.ts';
import { readRows } from './rows.ts';

const READ_WITHIN_MS = 20_000;

/** The databases that a region has beside the site's own: former writers that were set aside. */
async function setAsideIn(drill: Drill, region: Region): Promise<ReturnType<Drill['at']>[]> {
  const own = drill.at(region);
  const found = await drill.parts.watcher
    .wire(region)
    .databases()
    .catch(() => []);
  return found
    .filter(({ DBInstanceIdentifier }) => DBInstanceIdentifier !== own.site.instance)
    .map(({ Endpoint }) => {
      const { databasePort } = own.site;
      return { ...own, site: { ...own.site, databaseHost: Endpoint?.Address ?? '', databasePort: Endpoint?.Port ?? databasePort } };
    });
}

/** What those databases hold. */
export async function readSetAside(drill: Drill, region: Region): Promise<SiteRows[]> {
  const others = await setAsideIn(drill, region);
  return Promise.all(others.map(readKept));
}

/** One that was kept from before its master's password was changed still has the former one. */
async function readKept(at: ReturnType<Drill['at']>): Promise<SiteRows> {
  const { formerMasterPassword: masterPassword } = at.workload;
  const before = masterPassword && (await readRows({ ...at, workload: { ...at.workload, masterPassword } }, READ_WITHIN_MS));
  return before && !before.unread ? before : readRows(at, READ_WITHIN_MS);
}
