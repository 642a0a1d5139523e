import type { Ledger } from '../kit/ledger.ts';
import type { Contents, TableContents } from '../resources/postgres-contents.ts';

/** An item of DynamoDB holds 400 KB; a table's line is at most about 300 bytes. */
const TABLES_PER_ITEM = 1_000;
const GIVEN_UP = 'given-up';

/** What a database held when its backup began, in the ledger: readable in every site, and without a row of the workload. */
export class Manifests {
  constructor(private readonly ledger: Ledger) {}

  async save(id: string, { tables, ...rest }: Contents): Promise<void> {
    const pages = Math.max(1, Math.ceil(tables.length / TABLES_PER_ITEM));
    // The head last: with it, all pages are there.
    for (let page = pages - 1; page >= 0; page--) {
      const part = tables.slice(page * TABLES_PER_ITEM, (page + 1) * TABLES_PER_ITEM);
      await this.ledger.put({ pk: `manifest#${id}`, sk: pageName(page), tables: part, ...(page === 0 ? { ...rest, pages } : {}) });
    }
  }

  /** One that could not be read: not to be tried again, since others would wait for it. */
  async giveUp(id: string, because: string): Promise<void> {
    await this.ledger.put({ pk: `manifest#${id}`, sk: GIVEN_UP, because });
  }

  /** It is there, or was given up. */
  async isSettled(id: string): Promise<boolean> {
    const found = await Promise.all([pageName(0), GIVEN_UP].map((sk) => this.ledger.get({ pk: `manifest#${id}`, sk })));
    return found.some((item) => item !== undefined);
  }

  async find(id: string): Promise<Contents | undefined> {
    const head = (await this.ledger.get({ pk: `manifest#${id}`, sk: pageName(0) })) as (Contents & { pages: number }) | undefined;
    if (!head) return undefined;
    const tables: TableContents[] = [...head.tables];
    for (let page = 1; page < head.pages; page++) {
      const next = (await this.ledger.get({ pk: `manifest#${id}`, sk: pageName(page) })) as { tables: TableContents[] } | undefined;
      tables.push(...(next?.tables ?? []));
    }
    const { snapshot, fingerprint, heartbeatAt, sizeBytes, unread } = head;
    return { snapshot, fingerprint, heartbeatAt, sizeBytes, unread, tables };
  }
}

const pageName = (page: number): string => String(page).padStart(4, '0');
