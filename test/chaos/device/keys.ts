/** Key pairs for devices. RSA keys are dear to make, so a pool of them serves many transactions. */
import { generateKeyPair, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { buildName, type Certificate, createSigner, parseCertificate, publicKeyOf, type Signer, signCertificate } from '../../../src/pkix/index.js';
import { certificateTime, oids } from '../../../src/protocol/der/index.js';

export interface DeviceKey {
  readonly privateKey: KeyObject;
  readonly signer: Signer;
  readonly spki: Buffer;
  /** Self-signed: how a SCEP client without a certificate signs (RFC 8894 section 2.3). */
  readonly certificate: Certificate;
}

const generate = promisify(generateKeyPair);
const day = 86_400_000;

function deviceKey(privateKey: KeyObject, name: string): DeviceKey {
  const publicKey = publicKeyOf(privateKey);
  const signer = createSigner(privateKey, publicKey);
  const subject = buildName([[oids.commonName, name]]);
  const times = { notBefore: certificateTime(new Date(Date.now() - day)), notAfter: certificateTime(new Date(Date.now() + 30 * day)) };
  const fields = { serial: randomBytes(8), issuer: subject, subject, notBefore: new Date(), notAfter: new Date(), spki: publicKey.spki, extensions: [] };
  const parsed = parseCertificate(signCertificate(fields, times, signer));
  if (!parsed.ok) throw parsed.error;
  return { privateKey, signer, spki: publicKey.spki, certificate: parsed.value };
}

export async function rsaKeys(count: number): Promise<readonly DeviceKey[]> {
  const pairs = await Promise.all(Array.from({ length: count }, () => generate('rsa', { modulusLength: 2048 })));
  return pairs.map((pair, index) => deviceKey(pair.privateKey, `device-key-${index}`));
}

export function p256Key(name: string): DeviceKey {
  return deviceKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, name);
}
