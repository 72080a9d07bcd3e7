import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  authorityKeyIdentifierExtension,
  basicConstraintsExtension,
  buildName,
  type Certificate,
  createSigner,
  crlNumberExtension,
  type Extension,
  type Name,
  type PublicKey,
  parseCertificate,
  publicKeyOf,
  signCertificate,
  signCrl,
  subjectKeyIdentifierExtension,
} from '../../../src/pkix/index.js';
import { certificateTime, oids } from '../../../src/protocol/der/index.js';

export interface TestCa {
  readonly key: KeyObject;
  readonly publicKey: PublicKey;
  readonly certificate: Certificate;
  /** This CA first, root last, DER. */
  readonly chain: readonly Buffer[];
}

export interface Wanted {
  readonly subject: Name;
  readonly publicKey: PublicKey;
  readonly extensions: readonly Extension[];
  readonly lifeMs: number;
  readonly backdateMs?: number;
}

export function parsedCertificate(der: Buffer): Certificate {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

/** A certificate with 20 octets of serial number, the first never 0 and never above 0x7f. */
export function certify(issuer: { readonly key: KeyObject; readonly publicKey: PublicKey; readonly subject: Name }, wanted: Wanted): Buffer {
  const serial = randomBytes(20);
  serial[0] = 0x10 | ((serial[0] as number) & 0x2f);
  const notBefore = new Date(Date.now() - (wanted.backdateMs ?? 30_000));
  const notAfter = new Date(Date.now() + wanted.lifeMs);
  const identifiers = [subjectKeyIdentifierExtension(wanted.publicKey.keyIdentifier), authorityKeyIdentifierExtension(issuer.publicKey.keyIdentifier)];
  const extensions = [...wanted.extensions, ...identifiers];
  const fields = { serial, issuer: issuer.subject, notBefore, notAfter, subject: wanted.subject, spki: wanted.publicKey.spki, extensions };
  return signCertificate(fields, { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) }, createSigner(issuer.key, issuer.publicKey));
}

const caLifeMs = 3_650 * 86_400_000;

export function makeCa(commonName: string, parent?: TestCa): TestCa {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = publicKeyOf(key);
  const subject = buildName([[oids.commonName, commonName]]);
  const issuer = parent === undefined ? { key, publicKey, subject } : { key: parent.key, publicKey: parent.publicKey, subject: parent.certificate.subject };
  const der = certify(issuer, { subject, publicKey, extensions: [basicConstraintsExtension({ ca: true })], lifeMs: caLifeMs });
  return { key, publicKey, certificate: parsedCertificate(der), chain: [der, ...(parent?.chain ?? [])] };
}

export function crlOf(ca: TestCa, revoked: readonly { readonly serial: Buffer; readonly revokedAt: Date }[], number: number): Buffer {
  const thisUpdate = new Date(Math.floor(Date.now() / 1000) * 1000);
  return signCrl(
    {
      issuer: ca.certificate.subject,
      thisUpdate,
      nextUpdate: new Date(thisUpdate.getTime() + 86_400_000),
      revoked: revoked.map((item) => ({ ...item, reason: 0 })),
      extensions: [authorityKeyIdentifierExtension(ca.publicKey.keyIdentifier), crlNumberExtension(number)],
    },
    createSigner(ca.key, ca.publicKey),
  );
}
