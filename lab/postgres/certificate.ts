import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate with its private key, both PEM. */
export interface Certificate {
  certificate: string;
  privateKey: string;
}

const YEAR_MS = 365 * 24 * 3600 * 1000;

/** DER, as much of it as an X.509 certificate needs; the platform makes keys and signatures but no certificates. */
const der = (tag: number, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(4, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x82]), length, body]);
};
const sequence = (...content: Buffer[]): Buffer => der(0x30, ...content);
const objectId = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const integer = (bytes: Buffer): Buffer => der(0x02, bytes);
const time = (epochMs: number): Buffer => der(0x17, Buffer.from(`${new Date(epochMs).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
const bitString = (content: Buffer): Buffer => der(0x03, Buffer.from([0]), content);
const commonName = (name: string): Buffer => sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(name)))));
const extension = (id: string, content: Buffer): Buffer => sequence(objectId(id), der(0x04, content));

const ECDSA_WITH_SHA256 = sequence(objectId('2a8648ce3d040302'));
const IS_AUTHORITY = extension('551d13', sequence(der(0x01, Buffer.from([0xff]))));
const alternativeNames = (names: readonly string[]): Buffer =>
  extension('551d11', sequence(...names.map((name) => der(0x82, Buffer.from(name)))));

/** Signs the certificates of servers, as the authority whose bundle RDS publishes does. */
export class CertificateAuthority {
  private readonly name = 'Lifeboat lab RDS authority';
  private readonly keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  /** What clients must trust: its own certificate, PEM. */
  readonly certificate = this.issue(this.name, this.keys.publicKey, IS_AUTHORITY);

  /** For a server under these names; a leading `*` stands for one label. */
  certify(names: readonly [string, ...string[]]): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const certificate = this.issue(names[0].slice(0, 64), publicKey, alternativeNames(names));
    return { certificate, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  }

  private issue(subject: string, key: KeyObject, extensions: Buffer): string {
    const version3 = der(0xa0, integer(Buffer.from([2])));
    // Positive and of minimal length, as DER wants integers.
    const serial = integer(Buffer.concat([Buffer.from([0x4c]), randomBytes(15)]));
    const validity = sequence(time(Date.now() - YEAR_MS), time(Date.now() + YEAR_MS));
    const publicKey = key.export({ type: 'spki', format: 'der' });
    const names = [commonName(this.name), validity, commonName(subject)];
    const body = sequence(version3, serial, ECDSA_WITH_SHA256, ...names, publicKey, der(0xa3, sequence(extensions)));
    const signature = sign('sha256', body, this.keys.privateKey);
    const base64 = sequence(body, ECDSA_WITH_SHA256, bitString(signature)).toString('base64');
    return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
  }
}
