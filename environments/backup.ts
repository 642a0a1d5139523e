import { z } from 'zod';

/** How often a tier takes a recovery point, and the longest time between two of them where no clock is put forward or back. */
export const tierIntervals = { hourly: 3_600, 'six-hourly': 21_600, daily: 86_400, weekly: 604_800, monthly: 2_678_400 } as const;
export type TierName = keyof typeof tierIntervals;

export const tierNames = Object.keys(tierIntervals) as [TierName, ...TierName[]];
/** How often what is proven, each by a schedule of its own. */
export const proofNames = ['daily', 'weekly', 'monthly'] as const;
export type ProofName = (typeof proofNames)[number];

const timeOfDay = (example: string) =>
  z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, `a time of day, for example ${example}`)
    .default(example);
const days = (most: number) => z.number().int().min(1).max(most);
const minutes = (most: number) => z.number().int().min(1).max(most);

const tier = z.strictObject({
  every: z.enum(tierNames),
  /** Minute of the hour, and for all but `hourly` the hour, at which it is due; weekly on Sunday, monthly on the first. */
  at: timeOfDay('03:15'),
  timeZone: z.string().refine(isTimeZone, 'a time zone of the IANA database, for example Europe/Berlin').default('UTC'),
  /** Older ones may go, as far as the other rules of retention let them. */
  keepDays: days(3_650),
  /** So many newest ones stay, however old they are. */
  keepAtLeast: z.number().int().min(1).max(100).default(2),
});
export type BackupTier = z.infer<typeof tier>;

const verification = z.strictObject({
  /** Daily: each new recovery point is restored and checked in the active site, and the newest one in the other. */
  at: timeOfDay('05:00'),
  /** On Sunday: the newest one is restored in the active site to an instance of the source's own size, whatever was proven of it. */
  weeklyAt: timeOfDay('06:00'),
  /** On the first: the same in the other site, from the copy there. */
  monthlyAt: timeOfDay('07:00'),
  timeZone: z.string().refine(isTimeZone, 'a time zone of the IANA database, for example Europe/Berlin').default('UTC'),
  /** Size of the instance for the daily proof, and for one by hand; the source's own if left out. */
  instanceClass: z
    .string()
    .regex(/^db\.[a-z0-9]+\.[a-z0-9]+$/, 'a DB instance class, for example db.t4g.medium')
    .optional(),
  /** From the request to an instance that answers. */
  restoreTimeoutMinutes: minutes(1_440).default(120),
  /** Bound of each single check. */
  checkTimeoutSeconds: z.number().int().min(1).max(60).default(60),
  /** The alarm `unverified` fires when no recovery point was verified for this long. */
  alarmAfterDays: days(90).default(7),
  /** Each must give one row whose first column is true. They run with the rights of the secret's role, in a transaction that is read only. */
  assertions: z
    .array(
      z.strictObject({ name: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, 'a name in lower case with hyphens'), sql: z.string().min(1) }),
    )
    .default([]),
});

const restore = z.strictObject({
  /** So long the instance that a restore replaced, and the snapshot of it, are kept, fenced. */
  keepReplacedDays: days(90).default(14),
  /** Longest wait until changed settings have taken hold. AWS gives no figure: a planning assumption. */
  changeTimeoutMinutes: minutes(120).default(30),
  /** Longest wait for each of the two renames, which restart the server. AWS: about 10 minutes each; three times that is a planning assumption. */
  renameTimeoutMinutes: minutes(60).default(30),
});

/** Copies in the environment's `vault`, an account in which nobody of this one can delete anything. */
const copyToAccount = z.strictObject({
  /** Of which tiers: nobody here can delete the copies there, so name those that are worth it. Theirs is the retention, and the quota. */
  tiers: z.array(z.enum(tierNames)).min(1),
  /** A copy that takes longer has failed. */
  timeoutMinutes: minutes(1_440).default(60),
});

/** RDS's own backups and the log between them, brought to the other site: any second of the window can be restored there. */
const replicatedAutomatedBackups = z.strictObject({
  retentionDays: days(35),
  /** The alarm fires when the newest moment that can be restored in the other site is older than this. RDS ships the log every 5 minutes. */
  alarmAfterMinutes: minutes(1_440).default(60),
});

/** What is kept of a database beside its standby, and how it is proven. Copies go to the other site, under a key of that region. */
export const backupPolicy = z.strictObject({
  /** What may be lost when only the copies in the other site are left. Not the RPO of a failover, which is the replica's. */
  rpoSeconds: z.number().int().min(3_600).max(31_536_000).default(28_800),
  tiers: z
    .array(tier)
    .min(1)
    .default([
      { every: 'six-hourly', at: '03:15', timeZone: 'UTC', keepDays: 3, keepAtLeast: 2 },
      { every: 'daily', at: '02:15', timeZone: 'UTC', keepDays: 30, keepAtLeast: 2 },
      { every: 'weekly', at: '01:15', timeZone: 'UTC', keepDays: 90, keepAtLeast: 2 },
    ]),
  /** A snapshot, and a copy to the other region, that take longer have failed. Measure yours: both grow with what has changed. */
  snapshotTimeoutMinutes: minutes(1_440).default(30),
  copyTimeoutMinutes: minutes(1_440).default(60),
  /** A recovery point goes only while so many newer ones are proven by a restore. */
  keepVerified: z.number().int().min(1).max(50).default(2),
  /** The alarm `late` fires this long after a recovery point should have been complete. */
  graceMinutes: minutes(1_440).default(15),
  /** Left out: the copies stay in this account. */
  copyToAccount: copyToAccount.optional(),
  /** Left out: the other site has snapshots alone. Each direction takes one of the 20 replications that an account may have in a region. */
  replicatedAutomatedBackups: replicatedAutomatedBackups.optional(),
  verification: verification.prefault({}),
  restore: restore.prefault({}),
});
export type BackupPolicy = z.infer<typeof backupPolicy>;

/** What a restored copy stands in while it is checked: no way to the workload and none from it. */
export const isolation = z.strictObject({
  /** DB subnet group without a route to the workload or the internet. One in the workload's own VPC is kept apart by its security groups: docs/restore.md, 'Clean room'. */
  dbSubnetGroup: z.string().min(1),
  /** Of the restored instance: in from the inspecting function alone, nothing out. */
  dbSecurityGroupIds: z.array(z.string().regex(/^sg-[0-9a-f]+$/, 'a security group id, for example sg-0a1b2c3d')).min(1),
  /** Of the inspecting function: out to the restored instance and to the endpoints of DynamoDB, RDS and Secrets Manager. */
  subnetIds: z.array(z.string().regex(/^subnet-[0-9a-f]+$/, 'a subnet id, for example subnet-0a1b2c3d')).min(1),
  securityGroupIds: z.array(z.string().regex(/^sg-[0-9a-f]+$/, 'a security group id, for example sg-0a1b2c3d')).min(1),
});

/** Where the clock is put forward and back one interval of a year is an hour longer. */
export const intervalSeconds = ({ every, timeZone }: Pick<BackupTier, 'every' | 'timeZone'>): number =>
  tierIntervals[every] + (every === 'hourly' || timeZone === 'UTC' ? 0 : 3_600);

/** EventBridge Scheduler's expression for a tier. */
export const scheduleOf = ({ every, at }: Pick<BackupTier, 'every' | 'at'>): string => {
  const [hour, minute] = at.split(':').map(Number) as [number, number];
  switch (every) {
    case 'hourly':
      return `cron(${minute} * * * ? *)`;
    case 'six-hourly':
      return `cron(${minute} ${[0, 6, 12, 18].map((add) => (hour + add) % 24).sort((a, b) => a - b)} * * ? *)`;
    case 'daily':
      return `cron(${minute} ${hour} * * ? *)`;
    case 'weekly':
      return `cron(${minute} ${hour} ? * SUN *)`;
    case 'monthly':
      return `cron(${minute} ${hour} 1 * ? *)`;
  }
};

/** The terms of the longest time for which the newest copy in the other site can be old. */
export const exposureOf = (policy: BackupPolicy): { what: string; seconds: number }[] => {
  const shortest = policy.tiers.reduce((best, tier) => (intervalSeconds(tier) < intervalSeconds(best) ? tier : best));
  return [
    { what: `interval of '${shortest.every}'`, seconds: intervalSeconds(shortest) },
    { what: 'snapshotTimeoutMinutes', seconds: policy.snapshotTimeoutMinutes * 60 },
    { what: 'copyTimeoutMinutes', seconds: policy.copyTimeoutMinutes * 60 },
  ];
};

/** When a proof is due. */
export const proofTimeOf = ({ verification: { at, weeklyAt, monthlyAt } }: BackupPolicy, proof: ProofName): string =>
  ({ daily: at, weekly: weeklyAt, monthly: monthlyAt })[proof];

export function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}
