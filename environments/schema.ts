import { z } from 'zod';
import { backupPolicy, isolation } from './backup.ts';
import { integrityPolicy } from './integrity.ts';
import { instanceIdentifier } from './names.ts';
import { findProblems } from './problems.ts';

/** The environment's two regions, by their *home* role. Which of them is active is in the lease, never here. */
export const siteNames = ['primary', 'recovery'] as const;
export const siteName = z.enum(siteNames);
export type SiteName = z.infer<typeof siteName>;

const slug = (what: string, longest: number) =>
  z.string().regex(
    // Two hyphens together, or one at the end, RDS refuses in what is named after it.
    new RegExp(`^(?=.{1,${longest}}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$`),
    `${what}: lower-case letters, digits and single hyphens between them, at most ${longest}, a letter first`,
  );
const region = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "an AWS region's name, for example us-east-1");
const hostName = z.string().regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'a host name in lower case, for example orders.example.com');
const httpPath = z.string().regex(/^\/\S*$/, 'a path that begins with /');
const accountId = z.string().regex(/^\d{12}$/, 'an AWS account id, 12 digits');
const seconds = (least: number, most: number) => z.number().int().min(least).max(most);
const perSite = <T extends z.ZodType>(value: T) => z.strictObject({ primary: value, recovery: value });

/** Where functions that speak SQL run. The subnets need a way to the AWS APIs and the public internet (NAT), which the probes use. */
const network = z.strictObject({
  /** Two or more, in different zones. Nothing is looked up: the same file gives the same stacks everywhere. */
  subnetIds: z.array(z.string().regex(/^subnet-[0-9a-f]+$/, 'a subnet id, for example subnet-0a1b2c3d')).min(2),
  securityGroupIds: z.array(z.string().regex(/^sg-[0-9a-f]+$/, 'a security group id, for example sg-0a1b2c3d')).min(1),
});
const site = z.strictObject({
  region,
  network: network.optional(),
  /**
   * A security group that lets nobody in, in the network of the site's databases. A writer that must stop and that SQL does not reach gets
   * it in place of its own groups, and a reboot. Without one such a writer is ended by the database lease alone.
   */
  isolatingSecurityGroupId: z
    .string()
    .regex(/^sg-[0-9a-f]+$/, 'a security group id, for example sg-0a1b2c3d')
    .optional(),
  /** Where restored copies are checked; needed in both sites as soon as a database has a backup policy. */
  isolation: isolation.optional(),
  /** The key of a clean room; a new one is made for each where none is named. Name one that nobody uses for anything else. */
  cleanKeyArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/.+$/, 'the ARN of a KMS key of this region')
    .optional(),
});

/** RDS for PostgreSQL whose standby is a cross-region read replica. Endpoint names stay as they are: they follow the instance identifier. */
const rdsPostgresReplica = z.strictObject({
  kind: z.literal('rds-postgres-replica'),
  name: slug('a database', 30),
  /** DB instance identifier in each site. Lifeboat lengthens it for what it sets aside: `names.ts` says by how much. */
  instances: perSite(instanceIdentifier),
  /**
   * Name of the Secrets Manager secret `{username, password}`, the same in both sites, of the master user or of a member of `rds_superuser`
   * with CREATEROLE, CREATE on the database, and ADMIN OPTION on each of `applicationRoles`. Membership gives none of the three: the first
   * is never inherited, the second is not the group's, and PostgreSQL 16 and later let nobody change another role's login without the third.
   */
  secret: z.string().min(1),
  /** The database in which Lifeboat keeps its schema `lifeboat`. */
  databaseName: z.string().min(1),
  port: z.number().int().min(1).max(65535).default(5432),
  /** TLS verified against AWS's authorities, as RDS requires by default. */
  tls: z.boolean().default(true),
  /**
   * What ends the workload's writes when the lease is not renewed. `database`: the database itself, by triggers that `lifeboat lease
   * install` makes. `guard`: only the guard, so two sites may write while the guard is dead, its database alive and its region cut off.
   */
  enforcement: z.enum(['database', 'guard']).default('database'),
  /** The roles with which the workload writes: a fence takes their login and ends their sessions. */
  applicationRoles: z.array(z.string().regex(/^[a-z_][a-z0-9_]*$/)).min(1),
  /** Snapshots, their copies in the other site, and their proof; `{}` takes the defaults, leaving it out takes none. */
  backup: backupPolicy.optional(),
  /** Checks of the live database's own contents; `{}` reads its pages, leaving it out checks nothing. */
  integrity: integrityPolicy.optional(),
});
const database = z.discriminatedUnion('kind', [rdsPostgresReplica]);

const ecsService = z.strictObject({
  kind: z.literal('ecs-service'),
  name: slug('a compute', 30),
  cluster: z.string().min(1),
  service: z.string().min(1),
  /** Tasks while the site is active. */
  activeCount: z.number().int().min(1),
  /** Tasks while the site is standby: 0 costs nothing and starts slowest. */
  standbyCount: z.number().int().min(0).default(0),
});
const compute = z.discriminatedUnion('kind', [ecsService]);

const endpoint = z.strictObject({
  /** The name that clients use. Lifeboat makes its failover pair of records; it must not exist yet. */
  publicName: hostName,
  /** The public hosted zone. The name is enough unless the account has two zones of that name. */
  hostedZone: z.strictObject({ name: hostName, id: z.string().optional() }),
  /** The host name of each site's load balancer. */
  targets: perSite(hostName),
  scheme: z.enum(['https', 'http']).default('https'),
  /** Answers 200 while this site's application can read its own database, whatever its third parties do. */
  healthPath: httpPath.default('/health'),
  /** POST: writes something end to end and reads it back, 200 when both succeeded. This stops the clock of the RTO. */
  writePath: httpPath,
});

export const workloadSchema = z.strictObject({
  name: slug('a workload', 30),
  /** What was promised. The RTO counts from the first bad observation to the first verified write. */
  objectives: z.strictObject({ rtoSeconds: seconds(60, 86_400), rpoSeconds: seconds(0, 86_400) }),
  databases: z.array(database).default([]),
  compute: z.array(compute).default([]),
  endpoint,
  /** Workloads that must be up before this one can be. */
  dependsOn: z.array(z.string()).default([]),
});

const detection = z.strictObject({
  /** Time between two probes of one observer. The alarm wants a verdict in each of its periods, and takes one without for 'not down'. */
  intervalSeconds: z
    .number()
    .int()
    .min(5)
    .refine((interval) => interval <= 10, {
      error: ({ input }) =>
        `is ${input}; give at most 10: WorkloadDown has periods of 10 s, one without a probe is not down, and it never fires`,
    })
    .default(10),
  /** A probe without an answer after this counts as failed. */
  probeTimeoutSeconds: seconds(1, 10).default(4),
  /** Independent URLs that answer while the observer's own network is well: without one of them a failed probe is `unknown`. */
  references: z.array(z.url({ protocol: /^https?$/ })).min(1),
  /** Observers of three that must say `unhealthy`. */
  quorum: z.number().int().min(2).max(3).default(2),
  /** How long the quorum must hold before the alarm; in steps of 10 s, the shortest period of a CloudWatch alarm. */
  confirmationSeconds: seconds(10, 600).multipleOf(10, 'a multiple of 10, the shortest alarm period').default(30),
});

const lease = z.strictObject({
  ttlSeconds: seconds(10, 120).default(20),
  renewEverySeconds: seconds(1, 30).default(5),
  maxClockSkewSeconds: seconds(1, 10).default(1),
  /** The longest that a fence takes. */
  fenceLeadSeconds: seconds(1, 30).default(5),
  /**
   * A guard that cannot renew: `strict` closes its databases before the lease can be another's; `available` lets the workload write on,
   * so two sites may write after a move that the first one cannot see. `failover.policy: automatic` needs `strict`.
   */
  policy: z.enum(['strict', 'available']).default('strict'),
  /**
   * While nobody reaches the ledger the active site writes on as long as the other one pledges, round by round and in its own region's
   * table, not to take the lease: safe, and without it a ledger that is down stops every workload. Off where the sites' guards must not call each other.
   */
  failsafe: z.boolean().default(true),
});

const failover = z.strictObject({
  /** `automatic`: the alarm starts the run. `approval`: it starts and asks. `manual`: it only tells. */
  policy: z.enum(['automatic', 'approval', 'manual']).default('approval'),
  /** After a move, for this long, an automatic move back asks a person; at its end, if the outage lasts, it goes on by itself. */
  cooldownMinutes: z.number().int().min(0).max(1440).default(30),
  /** What to do when the standby lags over the RPO, or the lag cannot be read. */
  lagOverObjective: z.enum(['ask', 'proceed', 'refuse']).default('ask'),
  lagUnknown: z.enum(['ask', 'refuse']).default('refuse'),
  /** How long a person has to answer. */
  approvalTimeoutMinutes: z.number().int().min(1).max(1440).default(60),
  /** What no answer in that time means. `proceed` never accepts a loss that nobody can tell: with an unknown lag it refuses. */
  onApprovalTimeout: z.enum(['refuse', 'proceed']).default('refuse'),
  /**
   * A signed link in the question, beside the command, that opens one page to answer it. It makes a function URL that the whole
   * internet can reach, which nothing but the beacon has otherwise.
   */
  approvalLink: z.boolean().default(false),
});

const dns = z.strictObject({
  ttlSeconds: seconds(1, 300).default(30),
  /** Route 53 offers 10 and 30 s. */
  checkIntervalSeconds: z.union([z.literal(10), z.literal(30)]).default(10),
  failureThreshold: z.number().int().min(1).max(10).default(1),
});

/** The shape alone; `environmentSchema` adds the rules. */
export const environmentShape = z.strictObject({
  /** Part of every physical name: 16 characters leave room for the longest, the evidence bucket's. */
  name: slug('an environment', 16),
  account: accountId,
  sites: perSite(site),
  witness: z.strictObject({ region }),
  /** Another account that keeps copies of backups: `cdk deploy -c vault=yes` makes its stacks, with that account's credentials. */
  vault: z.strictObject({ account: accountId }).optional(),
  /** `strong` needs three regions of one DynamoDB set (US, EU or AP); `eventual` may lose the lease's newest word with a region. */
  consistency: z.enum(['strong', 'eventual']).default('strong'),
  /** Risks taken knowingly, by name. */
  acceptedRisks: z.array(z.enum(['automatic-failover-on-eventual-ledger', 'automatic-failover-past-a-dead-guard'])).default([]),
  detection,
  lease: lease.prefault({}),
  failover: failover.prefault({}),
  dns: dns.prefault({}),
  /** What AWS allows the account, where that is more than a new one gets. */
  quotas: z
    .strictObject({
      /** Managed policies of one IAM role: 10, on request more (AWS re:Post says 20, others report 25). A role that names some hundred databases needs more. */
      managedPoliciesPerRole: z.number().int().min(10).max(25).default(10),
    })
    .prefault({}),
  /** People who are told: each address confirms its subscription once. */
  notify: z.strictObject({ emails: z.array(z.email()).default([]) }).prefault({}),
  workloads: z.array(workloadSchema).min(1),
  tags: z.record(z.string().min(1), z.string()).default({}),
  /** CloudFormation refuses to delete the stacks until this is off again. */
  terminationProtection: z.boolean().default(true),
});

/** What a user writes: every field with a default may be left out. */
export type EnvironmentInput = z.input<typeof environmentShape>;
/** The validated environment, defaults filled in: the plan that every function carries. */
export type Environment = z.infer<typeof environmentShape>;
export type Workload = Environment['workloads'][number];
export type Database = Workload['databases'][number];
export type Compute = Workload['compute'][number];

/** Shape and rules together: regions, names, cycles, and an RTO that its waits can meet. All problems are reported at once. */
export const environmentSchema = environmentShape.superRefine((environment, context) => {
  for (const { path, message } of findProblems(environment)) context.addIssue({ code: 'custom', path, message });
});
