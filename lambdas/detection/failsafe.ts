import { messageOf } from '../kit/errors.ts';
import type { Environment, SiteName } from '../kit/plan.ts';
import type { Pledges } from '../kit/pledges.ts';
import type { Standings } from '../kit/standing.ts';

export interface FailsafeServices {
  plan: Environment;
  site: SiteName;
  /** The other site's. */
  pledges: Pick<Pledges, 'ask'>;
  /** This site's own. */
  standings: Pick<Standings, 'keep' | 'last'>;
  now(): number;
  monotonic(): number;
  log(event: string, facts: Record<string, unknown>): void;
}

/** An epoch in which this site may write on, and until when by the monotonic clock. */
export interface Extension {
  epoch: number;
  deadline: number;
  /** The same by the wall clock, for the loop after this one. */
  until: number;
}

type Word = 'pledged' | 'refused' | 'no answer';

/** What lets a workload write on while the ledger is silent: the other site's pledge, or the policy `available`. */
export class Failsafe {
  constructor(
    private readonly workload: string,
    private readonly services: FailsafeServices,
  ) {}

  /**
   * Asked each round that the ledger is silent, with the epoch that this guard renewed last, if it ever did. Nothing: no longer than
   * what was renewed. A refusal is the other site's word that it takes over, and counts under each policy.
   */
  async extend(renewed: number | undefined): Promise<Extension | undefined> {
    const { plan, now, monotonic, log } = this.services;
    const ttlMs = plan.lease.ttlSeconds * 1000;
    const epoch = renewed ?? (await this.inherited());
    if (epoch === undefined) return undefined;
    const extension = { epoch, deadline: monotonic() + ttlMs, until: now() + ttlMs };
    const word = await this.ask(extension);
    log('ledger-silent', { workload: this.workload, epoch, word, policy: plan.lease.policy });
    return word === 'pledged' || (word === 'no answer' && plan.lease.policy === 'available') ? extension : undefined;
  }

  /** For a loop that begins while the ledger is silent. A failure costs only that. */
  async remember({ epoch, until }: Extension): Promise<void> {
    await this.services.standings
      .keep(this.workload, { epoch, until })
      .catch((error: unknown) => this.services.log('standing-not-kept', { workload: this.workload, error: messageOf(error) }));
  }

  /** The epoch of the loop before this one, while its right lasts: a site that returns from an outage has none. */
  private async inherited(): Promise<number | undefined> {
    const standing = await this.services.standings.last(this.workload);
    return standing && standing.until > this.services.now() ? standing.epoch : undefined;
  }

  private async ask({ epoch, until }: Extension): Promise<Word> {
    const { plan, site, pledges, now, log } = this.services;
    if (!plan.lease.failsafe) return 'no answer';
    try {
      return (await pledges.ask(this.workload, { site, epoch, now: now(), until })) ? 'pledged' : 'refused';
    } catch (error) {
      log('pledge-not-asked', { workload: this.workload, error: messageOf(error) });
      return 'no answer';
    }
  }
}
