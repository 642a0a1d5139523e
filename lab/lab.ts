import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CloudWatchService } from './cloudwatch/service.ts';
import type { Stack } from './deploy/assembly.ts';
import { deploy } from './deploy/deploy.ts';
import type { DrillLab, DrillLabOptions } from './drill/drill-lab.ts';
import { EcsService } from './ecs/ecs-service.ts';
import { alarmDeliveries } from './engines/alarm-deliveries.ts';
import { startMiniStack } from './engines/ministack.ts';
import { StepFunctions } from './engines/stepfunctions.ts';
import { enginesPython } from './engines/venv.ts';
import { askEngine } from './gateway/forward.ts';
import { Gateway } from './gateway/gateway.ts';
import { AccessControl, type UseOfRights } from './iam/access.ts';
import { assumeRole } from './iam/sessions.ts';
import { LAMBDA_ACTIONS } from './lambda/api.ts';
import { Courier } from './lambda/deliver.ts';
import { LambdaService } from './lambda/service.ts';
import { LabNetwork } from './network/network.ts';
import { lifeboat } from './operator.ts';
import { Supervisor } from './process/supervisor.ts';
import type { Quotas } from './rds/quotas.ts';
import { RdsService } from './rds/service.ts';
import { Route53Service } from './route53/service.ts';
import { ScheduleRunner } from './scheduler/runner.ts';
import type { Region, Stoppable } from './types.ts';
import { World } from './world.ts';

/** The demo's regions; the first two are sites, in which machines run. */
const SITES: readonly Region[] = ['us-east-1', 'us-west-2'];
const WITNESS: Region = 'us-east-2';
const ACCOUNT = '000000000000';
/** The account that keeps copies of backups; its people deploy its side and share a copy back. */
const VAULT_ACCOUNT = '111111111111';
const VAULT = { accessKeyId: 'VAULT', secretAccessKey: 'lab' };
const OPERATOR = { accessKeyId: 'OPERATOR', secretAccessKey: 'lab' };
const SCHEDULER = 'scheduler-service';
const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const ASSEMBLIES = join(PROJECT, 'node_modules/.cache/lifeboat-lab/assemblies');
/** Of the CDK's output, what a person who waits wants to see; all of it is in the log. */
const NEWS = /✅|❌|deploying\.\.\.|_FAILED\b|\bfail(s|ed)?\b|Left out|Global table|Applied/;

/** Start the whole lab. What was started is stopped again when something does not start, or when the signal says so. */
export async function startLab(options: DrillLabOptions): Promise<Lab> {
  const supervisor = await Supervisor.start({ project: PROJECT, keep: options.keep });
  const lab = new Lab(supervisor);
  try {
    await lab.start(options);
    return lab;
  } catch (error) {
    await lab.stop();
    throw error;
  }
}

/** A two-region AWS with a witness region, on loopback. */
export class Lab implements DrillLab {
  readonly world = new World([...SITES, WITNESS]);
  readonly network = new LabNetwork({ world: this.world });
  readonly gateway = new Gateway({ world: this.world });
  readonly credentials = OPERATOR;
  readonly vault = { account: VAULT_ACCOUNT, credentials: VAULT };
  readonly processes: Supervisor;
  private python = '';
  private authorities = '';
  private readonly started: Stoppable[];
  private route53: Route53Service | undefined;
  private rds: RdsService | undefined;
  private access: AccessControl | undefined;
  private adopt: () => Promise<void> = async () => undefined;

  constructor(supervisor: Supervisor) {
    this.processes = supervisor;
    this.started = [supervisor];
  }

  get folder(): string {
    return this.processes.folder;
  }

  get dnsPort(): number {
    if (!this.route53) throw new Error('The lab has not started.');
    return this.route53.dnsPort;
  }

  async isolate(securityGroupId: string): Promise<void> {
    await this.rds?.isolate(securityGroupId);
  }

  get faults(): Gateway['faults'] {
    return this.gateway.faults;
  }

  get rdsQuotas(): Quotas {
    if (!this.rds) throw new Error('The lab has not started.');
    return this.rds.quotas;
  }

  /** Instances that exist in the API of RDS alone: hundreds of them cost nothing. */
  listOnly(region: Region, identifiers: readonly string[]): void {
    if (!this.rds) throw new Error('The lab has not started.');
    this.rds.listOnly(region, identifiers);
  }

  endpoint(zone: string): string {
    return this.gateway.endpoint(zone);
  }

  calls(): Gateway['calls'] {
    return this.gateway.calls;
  }

  /** The order matters twice: what others ask starts first, and stops last. */
  async start({ images, progress, signal, warmMs, still = false }: DrillLabOptions): Promise<void> {
    const { world, network, gateway, processes, folder } = this;
    this.python = await enginesPython(progress, processes);
    signal.throwIfAborted();
    await network.start();
    this.started.push(network);
    await gateway.start();
    this.started.push(gateway);
    gateway.principals.set(OPERATOR.accessKeyId, 'operator');
    gateway.principals.set(VAULT.accessKeyId, 'vault');
    gateway.accounts.set(VAULT.accessKeyId, VAULT_ACCOUNT);
    gateway.register('sts', assumeRole(gateway), ['AssumeRole']);
    const engines = { world, gateway, processes, python: this.python };
    await Promise.all([startMiniStack(engines), StepFunctions.start({ ...engines, regions: SITES }), this.startRoute53()]);
    signal.throwIfAborted();
    this.rds = this.own(new RdsService({ world, network, processes, stateDir: folder, accountId: ACCOUNT }));
    const { rds } = this;
    gateway.register('rds', rds.handle);
    const ecs = this.own(new EcsService({ world, network, processes, stateDir: folder, images: await images(folder) }));
    gateway.register('ecs', ecs.handle);
    this.authorities = rds.certificateBundle;
    this.startFunctions(rds.certificateBundle, warmMs, still);
    signal.throwIfAborted();
  }

  /** Synthesise an environment of Lifeboat and deploy it; then its functions' triggers, names and schedules are the lab's. */
  async deploy(progress: (text: string) => void, signal: AbortSignal, environment = 'demo'): Promise<void> {
    const { gateway, processes, python, folder } = this;
    const log = this.news(progress);
    const deployed = () => this.adopt();
    const synthesised = (stacks: readonly Stack[]): void => this.enforce(stacks);
    const app = { project: PROJECT, folder, assemblies: ASSEMBLIES, environment };
    await deploy({ gateway, processes, python, ...app, synthesised, deployed, log, signal });
  }

  /** Deploy the vault's side of an environment, as the people of that account do: after the environment itself, once. */
  async deployVault(progress: (text: string) => void, signal: AbortSignal, environment: string): Promise<void> {
    const { gateway, processes, python } = this;
    const folder = join(this.folder, 'vault');
    mkdirSync(folder, { recursive: true });
    const synthesised = (stacks: readonly Stack[]): void => this.access?.add(stacks, VAULT_ACCOUNT);
    const log = this.news(progress);
    const app = { project: PROJECT, folder, assemblies: ASSEMBLIES, environment, vault: VAULT_ACCOUNT };
    await deploy({ gateway, processes, python, ...app, synthesised, log, signal });
  }

  lifeboat(zone: string, region: Region, words: readonly string[], signal: AbortSignal): Promise<void> {
    const { processes, network, folder, credentials, authorities } = this;
    const endpoint = (from: string): string => this.endpoint(from);
    return lifeboat({ processes, network, folder, credentials, authorities, endpoint }, zone, region, words, signal);
  }

  useOfRights(): UseOfRights {
    return this.access?.useOfRights() ?? { used: [], unused: [] };
  }

  /** From here on each function may do what its role in these templates allows, and nothing else. */
  private enforce(stacks: readonly Stack[]): void {
    const access = new AccessControl(stacks, ACCOUNT, {
      tagsOf: (arn) => this.rds?.tagsOf(arn),
      keyOf: (snapshot) => this.rds?.keyOf(snapshot),
    });
    this.access = access;
    this.gateway.authorise = (call) => access.judge(call);
  }

  async stop(): Promise<void> {
    for (let part = this.started.pop(); part; part = this.started.pop()) await part.stop();
  }

  private async startRoute53(): Promise<void> {
    const route53 = new Route53Service({ network: this.network });
    await route53.start();
    this.route53 = this.own(route53);
    this.network.resolveAlias = (host) => route53.resolve(host);
    this.gateway.register('route53', route53.handle);
  }

  /** Functions, and what starts them: requests, alarms, schedules. */
  private startFunctions(authorities: string, idleMs: number, still: boolean): void {
    const { world, network, gateway, processes, folder } = this;
    const gatewayEndpoint = (zone: string): string => gateway.endpoint(zone);
    const registerPrincipal = (key: string, name: string): void => void gateway.principals.set(key, name);
    const definitionsEndpoint = (region: Region): string => gateway.engineOf('lambda', region);
    const onBackgroundError = (error: Error): void => this.log('lambda', error.message);
    const given = { world, network, processes, stateDir: folder, definitionsEndpoint, gatewayEndpoint, onBackgroundError };
    const lambda = this.own(new LambdaService({ ...given, registerPrincipal, authorities, limits: { idleMs } }));
    gateway.register('lambda', lambda.handle, LAMBDA_ACTIONS);
    gateway.functionUrls(lambda.handleUrl);

    const cloudwatch = new CloudWatchService({
      world,
      ...alarmDeliveries(gateway, lambda),
      forward: (call) => askEngine(call, gateway.engineOf('cloudformation', call.region)),
      report: (problem) => this.log('cloudwatch', problem),
    });
    gateway.register('monitoring', this.own(cloudwatch).handle);
    if (!still) cloudwatch.start();

    registerPrincipal(SCHEDULER, SCHEDULER);
    const courier = new Courier(gatewayEndpoint, SCHEDULER);
    const schedules = this.own(
      new ScheduleRunner({
        world,
        schedules: (region) => gateway.engineOf('scheduler', region),
        invoke: (region, arn, payload, options) => lambda.invoke(region, arn, payload, options),
        deliver: (region, delivery) => courier.deliver(region, delivery),
      }),
    );
    this.adopt = async () => {
      await Promise.all([lambda.adoptTriggers(), lambda.publishUrls()]);
      await schedules.takeOver({ start: !still });
    };
  }

  private own<T extends Stoppable>(part: T): T {
    this.started.push(part);
    return part;
  }

  /** All of the CDK's output into the log, what is news of it to the person. */
  private news(progress: (text: string) => void): (line: string) => void {
    return (line) => {
      this.log('cdk', line);
      if (NEWS.test(line)) progress(line.trim());
    };
  }

  private log(name: string, line: string): void {
    appendFileSync(this.processes.logFile(name), `${new Date().toISOString()} ${line}\n`);
  }
}
