/** The keys and certificates of the hostile CA: right ones, and wrong ones of every kind that must not reach a device. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  basicConstraintsExtension,
  buildName,
  createSigner,
  dnsName,
  keyUsageExtension,
  type Name,
  publicKeyOf,
  type Signer,
  signCertificate,
  subjectAltNameExtension,
} from '../../src/pkix/index.js';
import { certificateTime, oids } from '../../src/protocol/der/index.js';

/** What can be wrong with a certificate (fault point F11). */
export const wrongKinds = ['key', 'subject', 'names', 'authority', 'expired', 'early', 'issuer', 'signature', 'truncated'] as const;
export type WrongKind = (typeof wrongKinds)[number];

export interface Authority {
  /** DER, self-signed. */
  readonly certificate: Buffer;
  issue(subject: Name, spki: Buffer): Buffer;
  issueWrong(kind: WrongKind, subject: Name, spki: Buffer): Buffer;
}

const day = 86_400_000;

function newSigner(): Signer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return createSigner(privateKey, publicKeyOf(privateKey));
}

interface Wanted {
  readonly subject: Name;
  readonly spki: Buffer;
  readonly isCa?: boolean;
  readonly dns?: string;
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
}

function signed(issuer: Name, signer: Signer, { subject, spki, isCa = false, dns, from = -1, to = 365 }: Wanted): Buffer {
  const [notBefore, notAfter] = [new Date(Date.now() + from * day), new Date(Date.now() + to * day)];
  const times = { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) };
  const usage = isCa ? (['keyCertSign'] as const) : (['digitalSignature', 'keyEncipherment'] as const);
  const names = dns === undefined ? [] : [subjectAltNameExtension([dnsName(dns)])];
  const extensions = [basicConstraintsExtension({ ca: isCa }), keyUsageExtension(usage), ...names];
  return signCertificate({ serial: randomBytes(12), issuer, subject, notBefore, notAfter, spki, extensions }, times, signer);
}

export function createAuthority(): Authority {
  const [signer, stranger] = [newSigner(), newSigner()];
  const name = buildName([[oids.commonName, 'Hostile CA']]);
  const strangersName = buildName([[oids.commonName, 'Some other CA']]);
  const otherSubject = buildName([[oids.commonName, 'chaos-nobody']]);
  const wrong: Readonly<Record<WrongKind, (subject: Name, spki: Buffer) => Buffer>> = {
    key: (subject) => signed(name, signer, { subject, spki: stranger.publicKey.spki }),
    subject: (_subject, spki) => signed(name, signer, { subject: otherSubject, spki }),
    names: (subject, spki) => signed(name, signer, { subject, spki, dns: 'nobody-asked.example' }),
    authority: (subject, spki) => signed(name, signer, { subject, spki, isCa: true }),
    expired: (subject, spki) => signed(name, signer, { subject, spki, from: -20, to: -10 }),
    early: (subject, spki) => signed(name, signer, { subject, spki, from: 20, to: 30 }),
    issuer: (subject, spki) => signed(strangersName, stranger, { subject, spki }),
    signature: (subject, spki) => signed(name, stranger, { subject, spki }),
    truncated: (subject, spki) => signed(name, signer, { subject, spki }).subarray(0, -9),
  };
  return {
    certificate: signed(name, signer, { subject: name, spki: signer.publicKey.spki, isCa: true, to: 3650 }),
    issue: (subject, spki) => signed(name, signer, { subject, spki }),
    issueWrong: (kind, subject, spki) => wrong[kind](subject, spki),
  };
}
