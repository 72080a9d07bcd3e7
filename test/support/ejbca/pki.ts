import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import forge from 'node-forge';
import {
  authorityKeyIdentifierExtension,
  basicConstraintsExtension,
  buildName,
  type Certificate,
  createSigner,
  crlNumberExtension,
  dnsName,
  type Extension,
  extendedKeyUsageExtension,
  ipName,
  keyUsageExtension,
  type Name,
  type PublicKey,
  parseCertificate,
  parsePublicKey,
  publicKeyOf,
  signCertificate,
  signCrl,
  subjectAltNameExtension,
  subjectKeyIdentifierExtension,
  toPem,
} from '../../../src/pkix/index.js';
import { certificateTime, oids } from '../../../src/protocol/der/index.js';

/** A CA of the fake: key and certificate. */
export interface Ca {
  readonly key: KeyObject;
  readonly certificate: Certificate;
  /** This CA first, root last, DER. */
  readonly chain: readonly Buffer[];
}

export interface Wanted {
  readonly subject: Name;
  readonly publicKey: PublicKey;
  readonly extensions: readonly Extension[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const dayMs = 86_400_000;

function parsed(der: Buffer): Certificate {
  const certificate = parseCertificate(der);
  if (!certificate.ok) throw certificate.error;
  return certificate.value;
}

export function certify(key: KeyObject, issuer: Name, issuerKey: PublicKey, wanted: Wanted): Buffer {
  const { subject, publicKey, extensions } = wanted;
  // EJBCA dates certificates back by ten minutes.
  const { notBefore = new Date(Date.now() - 600_000), notAfter = new Date(Date.now() + 365 * dayMs) } = wanted;
  const serial = randomBytes(20);
  serial[0] = 0x10 | ((serial[0] as number) & 0x2f);
  const identifiers = [subjectKeyIdentifierExtension(publicKey.keyIdentifier), authorityKeyIdentifierExtension(issuerKey.keyIdentifier)];
  const fields = { serial, issuer, notBefore, notAfter, subject, spki: publicKey.spki, extensions: [...extensions, ...identifiers] };
  return signCertificate(fields, { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) }, createSigner(key, issuerKey));
}

export function makeCa(commonName: string, parent?: Ca, type: 'ec' | 'rsa' = 'ec'): Ca {
  const { privateKey } = type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKey = publicKeyOf(privateKey);
  const subject = buildName([
    [oids.countryName, 'SE'],
    [oids.organizationName, 'Fake EJBCA'],
    [oids.commonName, commonName],
  ]);
  const extensions = [basicConstraintsExtension({ ca: true }), keyUsageExtension(['keyCertSign', 'cRLSign'])];
  const issuer = parent ?? { key: privateKey, certificate: { subject, publicKey }, chain: [] as readonly Buffer[] };
  const der = certify(issuer.key, issuer.certificate.subject, issuer.certificate.publicKey, {
    subject,
    publicKey,
    extensions,
    notAfter: new Date(Date.now() + 3_650 * dayMs),
  });
  return { key: privateKey, certificate: parsed(der), chain: [der, ...issuer.chain] };
}

export function issueBy(ca: Ca, wanted: Wanted): Buffer {
  return certify(ca.key, ca.certificate.subject, ca.certificate.publicKey, wanted);
}

export function crlOf(ca: Ca, revoked: readonly { readonly serial: Buffer; readonly revokedAt: Date; readonly reason: number }[], number: number): Buffer {
  const [thisUpdate, nextUpdate] = [new Date(), new Date(Date.now() + dayMs)];
  const extensions = [authorityKeyIdentifierExtension(ca.certificate.publicKey.keyIdentifier), crlNumberExtension(number)];
  return signCrl({ issuer: ca.certificate.subject, thisUpdate, nextUpdate, revoked, extensions }, createSigner(ca.key, ca.certificate.publicKey));
}

export interface TlsIdentity {
  readonly key: string;
  /** PEM: the leaf, then its CA. */
  readonly cert: string;
  readonly der: Buffer;
}

/** A TLS certificate with an RSA key, which old PFX writers and readers know best. */
export function tlsIdentity(ca: Ca, commonName: string, use: 'server' | 'client', times: Pick<Wanted, 'notBefore' | 'notAfter'> = {}): TlsIdentity {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const purpose = use === 'server' ? oids.serverAuth : oids.clientAuth;
  const hosts = use === 'server' ? [subjectAltNameExtension([dnsName('localhost'), ipName('127.0.0.1')])] : [];
  const extensions = [keyUsageExtension(['digitalSignature', 'keyEncipherment']), extendedKeyUsageExtension([purpose]), ...hosts];
  const der = issueBy(ca, { subject: buildName([[oids.commonName, commonName]]), publicKey: publicKeyOf(privateKey), extensions, ...times });
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { key, der, cert: [der, ...ca.chain].map((item) => toPem('CERTIFICATE', item)).join('') };
}

/** A PFX as EJBCA writes it: 3DES, with its CA. */
export function pfxOf({ key, cert }: TlsIdentity, password: string): Buffer {
  const certificates = cert.split(/(?=-----BEGIN)/).map((pem) => forge.pki.certificateFromPem(pem));
  const pfx = forge.pkcs12.toPkcs12Asn1(forge.pki.privateKeyFromPem(key), certificates, password, { algorithm: '3des', count: 2048 });
  return Buffer.from(forge.asn1.toDer(pfx).getBytes(), 'binary');
}

export function publicKeyIn(spki: Buffer): PublicKey {
  const key = parsePublicKey(spki);
  if (!key.ok) throw key.error;
  return key.value;
}
