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
  return Promise.all(others.map((at) => readRows(at, READ_WITHIN_MS)));
}
