import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CreateDBInstanceMessage, Tag } from '@aws-sdk/client-rds';
import { locateBinaries } from '../postgres/binaries.ts';
import { CertificateAuthority } from '../postgres/certificate.ts';
import { assertTraversable, serverUser } from '../postgres/user.ts';
import type { AwsCall, AwsReply, AwsService, Network, Processes, Region, Stoppable } from '../types.ts';
import type { World } from '../world.ts';
import { findAction, isOfAnyAccount } from './actions/index.ts';
import { ControlPlane } from './control-plane.ts';
import { type Durations, LAB_DURATIONS } from './durations.ts';
import { reservedTag } from './errors.ts';
import { LabInstance } from './lab-instance.ts';
import { addListed } from './listed.ts';
import { parseReference } from './names.ts';
import { CommonError, decodeInput, encodeError, encodeOutput } from './query-protocol.ts';
import { AWS_QUOTAS, type Quotas } from './quotas.ts';

export interface RdsOptions {
  world: World;
  network: Network;
  processes: Processes;
  /** Where data is kept. Other users must be able to pass through it: as root, the servers run as one of them. */
  stateDir: string;
  accountId: string;
  /** Figures other than the lab's own short ones. */
  durations?: Partial<Durations>;
}

/** RDS for PostgreSQL in all regions: the API, and real servers behind it that replicate, crash and lose what was not replicated. */
export class RdsService implements Stoppable {
  /** The file with the authority that TLS clients must trust, for `NODE_EXTRA_CA_CERTS`; on AWS it is RDS's `global-bundle.pem`. */
  readonly certificateBundle: string;
  /** Of each region; whoever changes them changes what RDS refuses from now on. */
  readonly quotas: Quotas = { ...AWS_QUOTAS };
  private readonly control: ControlPlane;
  private readonly accountId: string;

  constructor(options: RdsOptions) {
    const { world, network, processes, accountId } = options;
    this.accountId = accountId;
    const directory = path.join(options.stateDir, 'rds');
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    const user = serverUser();
    assertTraversable(directory, user);
    const password = randomBytes(18).toString('base64url');
    const installation = { processes, binaries: locateBinaries(directory, user), user, password };
    const authority = new CertificateAuthority();
    this.certificateBundle = path.join(directory, 'authority.pem');
    writeFileSync(this.certificateBundle, authority.certificate);
    const durations = { ...LAB_DURATIONS, ...options.durations };
    this.control = new ControlPlane({ world, network, installation, authority, directory, accountId, durations, quotas: this.quotas });
    world.onBlackout({ phase: 'data', dark: (region) => this.kill(region), light: (region) => this.revive(region) });
  }

  /** Answers one call of the RDS API. */
  readonly handle: AwsService = async (call) => {
    const requestId = randomUUID();
    const headers = { 'content-type': 'text/xml', 'x-amzn-requestid': requestId };
    try {
      return { status: 200, headers, body: await this.answer(call, requestId) };
    } catch (error) {
      const { status, xml } = encodeError(error, requestId);
      return { status, headers, body: xml };
    }
  };

  /** An instance for the judge and the fault injector. */
  instance(region: Region, identifier: string): LabInstance {
    return new LabInstance(this.control, this.control.get(region, identifier));
  }

  /**
   * Instances that exist in the API only: they are listed, snapshotted, copied, tagged, modified and deleted, and have no server. For runs
   * over hundreds of databases.
   */
  listOnly(region: Region, identifiers: readonly string[], settings: Partial<CreateDBInstanceMessage> = {}): void {
    for (const identifier of identifiers) addListed(this.control, region, identifier, settings);
  }

  /** Tags of an instance or a snapshot, for whoever decides about rights. */
  tagsOf(resource: string): ReadonlyMap<string, string> | undefined {
    const { region, account = this.accountId, type, name } = parseReference(resource, 'db', '');
    return type === 'snapshot' ? this.control.findSnapshot(region, name, account)?.tags : this.control.find(region, name)?.tags;
  }

  /** The key that a snapshot lies under, as the request named it. */
  keyOf(snapshot: string): string | undefined {
    const { region, account = this.accountId, name } = parseReference(snapshot, 'snapshot', '');
    return this.control.findSnapshot(region, name, account)?.attributes.KmsKeyId;
  }

  instances(): LabInstance[] {
    return [...this.control.databases].map((database) => new LabInstance(this.control, database));
  }

  /**
   * Makes a security group one that lets nobody in. Instances that have it, or get it, take no new connection; established ones live on
   * until a reboot, as tracked connections do.
   */
  async isolate(securityGroupId: string): Promise<void> {
    this.control.isolating.add(securityGroupId);
    const running = [...this.control.databases].filter((database) => database.server.running);
    await Promise.all(running.map((database) => this.control.applySecurityGroups(database)));
  }

  async stop(): Promise<void> {
    await this.control.stop();
  }

  private async answer(call: AwsCall, requestId: string): Promise<AwsReply['body']> {
    const form = new URLSearchParams(call.body.toString('utf8'));
    const name = form.get('Action') ?? call.action;
    const action = findAction(name);
    const { account = this.accountId } = call;
    if (!action) throw new CommonError('InvalidAction', `The action ${name} is not valid for this web service.`);
    if (account !== this.accountId && !isOfAnyAccount(name)) {
      throw new CommonError('InvalidAction', `The lab has no instances of account ${account}: it cannot ${name}.`);
    }
    const input = decodeInput(name, form) as never;
    refuseReservedTags(input);
    return encodeOutput(name, await action({ control: this.control, region: call.region, account }, input), requestId);
  }

  private async kill(region: Region): Promise<void> {
    await Promise.all(this.of(region).map((database) => database.exclusive(() => database.server.crash())));
  }

  private async revive(region: Region): Promise<void> {
    const wanted = this.of(region).filter((database) => database.shouldRun);
    await Promise.all(wanted.map((database) => database.exclusive(() => this.control.startServer(database))));
    await Promise.all(wanted.map((database) => this.control.dropOrphanedSlots(database)));
  }

  private of(region: Region) {
    return [...this.control.databases].filter((database) => database.region === region);
  }
}

/** Tags of AWS's own are set by its services alone, whatever the request: AWS, 'Tagging your AWS resources', 'Tag naming limits', 2026-11. */
function refuseReservedTags({ Tags = [] }: { Tags?: readonly Tag[] }): void {
  if (Tags.some(({ Key }) => /^aws:/i.test(Key ?? ''))) throw reservedTag();
}
