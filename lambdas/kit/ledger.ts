import { ConditionalCheckFailedException, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { guarded, localCalls } from './clients.ts';
import { type ClockWatch, measured } from './clock.ts';
import { type Claim, claimIsLive, type FenceProof, type Lease, onlyLooks } from './lease.ts';
import type { SiteName } from './plan.ts';

export type Item = Record<string, unknown>;
/** An update whose condition did not hold: somebody else was first. Never an error by itself, so it is an answer. */
export type Won = boolean;

/** No partition is meant to grow so long: who reads all of it must not take a part for the whole. */
const MOST_ITEMS = 10_000;

const leaseKey = (workload: string) => ({ pk: `lease#${workload}`, sk: 'lease' });

/** The environment's ledger: leases, incidents and queued work. Reads are strongly consistent unless they say otherwise. */
export class Ledger {
  private readonly client: DynamoDBDocumentClient;

  constructor(
    private readonly table: string,
    options: { region?: string; limits?: typeof localCalls; clock?: ClockWatch } = {},
  ) {
    const { limits = localCalls } = options;
    const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: options.region, ...limits }), {
      marshallOptions: { removeUndefinedValues: true },
    });
    this.client = measured(guarded(client), options.clock);
  }

  /** Nothing means that the item does not exist; a failed read throws. */
  async lease(workload: string, consistent = true): Promise<Lease | undefined> {
    return (await this.get(leaseKey(workload), consistent)) as Lease | undefined;
  }

  /** The first lease of a workload, by the guard of its home site. */
  createLease(lease: Lease): Promise<Won> {
    return this.put({ ...leaseKey(lease.workload), ...lease }, 'attribute_not_exists(pk)');
  }

  /**
   * One run per workload: succeeds when no other execution's claim lives. Renewing one's own claim is a success too, and so is to
   * replace the claim of an execution that is known to have ended, or gives way: if it did not act when `lease` was read, it must not now.
   */
  claim(lease: Lease, claim: Claim, now: number, passed = claim.execution): Promise<Won> {
    const same = lease.claim?.acting ? '' : ' AND attribute_not_exists(claim.acting)';
    return this.updateLease(
      lease.workload,
      'SET claim = :claim',
      `#epoch = :epoch AND (attribute_not_exists(claim) OR claim.expiresAt <= :now OR claim.execution = :own OR (claim.execution = :passed${same}))`,
      {
        ':claim': claim,
        ':epoch': lease.epoch,
        ':now': now,
        ':own': claim.execution,
        ':passed': passed,
      },
    ); // prettier-ignore
  }

  dropClaim(workload: string, execution: string): Promise<Won> {
    return this.updateLease(workload, 'REMOVE claim', 'claim.execution = :execution', { ':execution': execution });
  }

  /** A restore gives the workload back to its guard. It counts as a move: the other site's standby is one of the database that was replaced. */
  handBack(workload: string, execution: string, now: number): Promise<Won> {
    return this.updateLease(workload, 'REMOVE claim SET movedAt = :now', 'claim.execution = :execution', {
      ':execution': execution,
      ':now': now,
    });
  }

  renew(lease: Lease, expiresAt: number, heartbeatAt: number | undefined): Promise<Won> {
    return this.updateLease(
      lease.workload,
      'SET expiresAt = :until, heartbeatAt = :beat',
      // A renewal that was held up on its way must not shorten what a later one has promised.
      'holder = :holder AND #epoch = :epoch AND released = :no AND expiresAt <= :until',
      {
        ':until': expiresAt,
        ':beat': heartbeatAt ?? lease.heartbeatAt ?? 0,
        ':holder': lease.holder,
        ':epoch': lease.epoch,
        ':no': false,
      },
    ); // prettier-ignore
  }

  /** The holder lets go, after its fence is proven. */
  release(lease: Lease, fence: FenceProof): Promise<Won> {
    return this.updateLease(lease.workload, 'SET released = :yes, #fence = :fence', 'holder = :holder AND #epoch = :epoch', {
      ':yes': true,
      ':fence': fence,
      ':holder': lease.holder,
      ':epoch': lease.epoch,
    }); // prettier-ignore
  }

  /** The take of the protocol: names the epoch that it replaces, its own claim, and the release or expiry that allows it. */
  take(lease: Lease, taker: { site: SiteName; incident: string; now: number; ttlMs: number; maxClockSkewMs: number }): Promise<Won> {
    return this.updateLease(
      lease.workload,
      'SET holder = :site, #epoch = :next, expiresAt = :until, released = :no, movedAt = :now',
      '#epoch = :epoch AND claim.incident = :incident AND claim.expiresAt > :now AND (released = :yes OR expiresAt < :expired)',
      {
        ':site': taker.site,
        ':next': lease.epoch + 1,
        ':until': taker.now + taker.ttlMs,
        ':no': false,
        ':yes': true,
        ':now': taker.now,
        ':epoch': lease.epoch,
        ':incident': taker.incident,
        ':expired': taker.now - taker.maxClockSkewMs,
      },
    ); // prettier-ignore
  }

  /**
   * The former holder takes back what it released, once no claim lives, or the one that does only looks: while a run confirms an outage or
   * waits for a person somebody serves, and the claim stays. A restore's may stand half-way, and is never passed by.
   */
  retake(lease: Lease, now: number, ttlMs: number): Promise<Won> {
    const looked = claimIsLive(lease, now) && onlyLooks(lease) ? lease.claim!.execution : undefined;
    const free = looked
      ? 'claim.execution = :looked AND attribute_not_exists(claim.acting)'
      : '(attribute_not_exists(claim) OR claim.expiresAt <= :now)';
    return this.updateLease(
      lease.workload,
      `SET #epoch = :next, expiresAt = :until, released = :no${looked ? '' : ' REMOVE claim'}`,
      `holder = :holder AND #epoch = :epoch AND released = :yes AND ${free}`,
      {
        ':next': lease.epoch + 1,
        ':until': now + ttlMs,
        ':no': false,
        ':yes': true,
        ':holder': lease.holder,
        ':epoch': lease.epoch,
        ...(looked ? { ':looked': looked } : { ':now': now }),
      },
    );
  }

  /** Moves traffic: written last, by the holder only. */
  serve(lease: Lease, site: SiteName): Promise<Won> {
    return this.updateLease(lease.workload, 'SET serving = :site', 'holder = :site AND #epoch = :epoch', {
      ':site': site,
      ':epoch': lease.epoch,
    });
  }

  async get(key: { pk: string; sk: string }, consistent = true): Promise<Item | undefined> {
    return (await this.client.send(new GetCommand({ TableName: this.table, Key: key, ConsistentRead: consistent }))).Item;
  }

  put(item: Item, condition?: string): Promise<Won> {
    return won(this.client.send(new PutCommand({ TableName: this.table, Item: item, ConditionExpression: condition })));
  }

  /** Sets fields of an item, making it if need be. */
  async set(key: { pk: string; sk: string }, fields: Item): Promise<void> {
    const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
    await this.client.send(
      new UpdateCommand({
        TableName: this.table,
        Key: key,
        UpdateExpression: `SET ${entries.map((_, i) => `#f${i} = :f${i}`).join(', ')}`,
        ExpressionAttributeNames: Object.fromEntries(entries.map(([name], i) => [`#f${i}`, name])),
        ExpressionAttributeValues: Object.fromEntries(entries.map(([, value], i) => [`:f${i}`, value])),
      }),
    );
  }

  /** Removes an item; one that is not there is no error. */
  async remove(key: { pk: string; sk: string }): Promise<void> {
    await this.client.send(new DeleteCommand({ TableName: this.table, Key: key }));
  }

  /**
   * Items under a partition key in the order of their sort keys, newest first when asked: all of them, or the first `limit`.
   * @throws when there are more than anybody expects, and no limit was given.
   */
  async list(pk: string, options: { prefix?: string; limit?: number; newestFirst?: boolean } = {}): Promise<Item[]> {
    const { prefix, limit, newestFirst = false } = options;
    const items: Item[] = [];
    let start: Item | undefined;
    do {
      const page = await this.client.send(
        new QueryCommand({
          TableName: this.table,
          KeyConditionExpression: prefix ? 'pk = :pk AND begins_with(sk, :prefix)' : 'pk = :pk',
          ExpressionAttributeValues: { ':pk': pk, ...(prefix ? { ':prefix': prefix } : {}) },
          ConsistentRead: true,
          ScanIndexForward: !newestFirst,
          ExclusiveStartKey: start,
          Limit: limit,
        }),
      );
      items.push(...(page.Items ?? []));
      start = page.LastEvaluatedKey;
      if (!limit && items.length > MOST_ITEMS) throw new Error(`more than ${MOST_ITEMS} items under '${pk}'`);
    } while (start && (!limit || items.length < limit));
    return items.slice(0, limit);
  }

  private updateLease(workload: string, update: string, condition: string, values: Item): Promise<Won> {
    const text = `${update} ${condition}`;
    const reserved = Object.entries({ '#epoch': 'epoch', '#fence': 'fence' }).filter(([alias]) => text.includes(alias));
    return won(
      this.client.send(
        new UpdateCommand({
          TableName: this.table,
          Key: leaseKey(workload),
          UpdateExpression: update,
          ConditionExpression: condition,
          ExpressionAttributeNames: reserved.length > 0 ? Object.fromEntries(reserved) : undefined,
          ExpressionAttributeValues: values,
        }),
      ),
    );
  }
}

/** Did the condition of this write hold? Every other failure is thrown. */
export const won = async (request: Promise<unknown>): Promise<Won> => {
  try {
    await request;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException || (error as Error).name === 'ConditionalCheckFailedException') return false;
    throw error;
  }
};
