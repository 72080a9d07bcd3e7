import { createPrivateKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { CertificateRequest, Issuer, LookupAnswer } from '../enrolment/ports.js';
import {
  buildName,
  createSigner,
  type Extension,
  extendedKeyUsageExtension,
  type KeyUsage,
  keyUsageExtension,
  type Name,
  parseCertificate,
  postQuantumPair,
  postQuantumPrivateKey,
  postQuantumPublicKey,
  publicKeyOf,
  signCsr,
} from '../pkix/index.js';
import { oids } from '../protocol/der/index.js';
import { uuidv7 } from '../runtime/ids.js';
import { randomOctets } from '../runtime/random.js';
import { Secret } from '../runtime/secret.js';
import type { EncryptionKeyType } from '../tenancy/cmp-keys.js';
import type { RaKey, RaKeyUsage } from '../tenancy/credentials.js';
import { encryptionKeyTypeOf } from '../tenancy/encryption-key.js';
import { neededUsages, raUsageFault } from '../tenancy/load-ra-key.js';
import type { Profile } from '../tenancy/profile.js';

const generate = promisify(generateKeyPair);
const lifetimeSeconds = 2 * 365 * 86_400;
const maxCommonName = 64;

interface Usage {
  readonly label: string;
  readonly keyUsage: readonly KeyUsage[];
  readonly extendedKeyUsage: readonly string[];
}

/** Of two keys each name says which it is, so that people can tell the certificates apart. */
const scepLabels: Readonly<Record<RaKeyUsage, string>> = { both: 'SCEP RA', sign: 'SCEP RA signing', encrypt: 'SCEP RA encryption' };

/** SCEP clients encrypt to the RA's key, CMP clients only verify with it; cmcRA says that it answers for the CA (RFC 6402 section 2.10, RFC 9810 section 4.5). */
function usageOf({ protocol, policy }: Pick<Profile, 'protocol' | 'policy'>, usage: RaKeyUsage, kind?: EncryptionKeyType): Usage {
  if (protocol === 'cmp' && usage === 'encrypt') return { label: 'CMP RA encryption', keyUsage: [encryptionUsages[kind ?? 'P-256']], extendedKeyUsage: [] };
  if (protocol === 'cmp') return { label: 'CMP RA', keyUsage: ['digitalSignature'], extendedKeyUsage: cmpPurposes(policy) };
  return { label: scepLabels[usage], keyUsage: neededUsages[usage], extendedKeyUsage: [] };
}

const encryptionUsages: Readonly<Record<EncryptionKeyType, KeyUsage>> = { 'P-256': 'keyAgreement', 'ML-KEM-768': 'keyEncipherment' };

/** cmKGA says that it makes keys for devices (RFC 9483 section 4.1.6). */
function cmpPurposes({ cmp }: Profile['policy']): readonly string[] {
  return cmp.centralKeys.serve ? [oids.cmcRA, oids.cmKGA] : [oids.cmcRA];
}

interface Pair {
  /** PKCS#8, DER. */
  readonly privateKey: Buffer;
  readonly spki: Buffer;
}

async function generatePair({ protocol }: Profile, kind: EncryptionKeyType | undefined): Promise<Pair> {
  if (kind === 'ML-KEM-768') return generateKemPair();
  const pair = protocol === 'scep' ? await generate('rsa', { modulusLength: 2048 }) : await generate('ec', { namedCurve: 'P-256' });
  return { privateKey: pair.privateKey.export({ format: 'der', type: 'pkcs8' }), spki: pair.publicKey.export({ format: 'der', type: 'spki' }) };
}

function generateKemPair(): Pair {
  const seed = randomOctets(64);
  const { publicKey } = postQuantumPair(oids.mlKem768, seed);
  return { privateKey: postQuantumPrivateKey(oids.mlKem768, seed), spki: postQuantumPublicKey(oids.mlKem768, publicKey) };
}

/**
 * A new key pair in state `next`, not yet stored: RSA-2048 for SCEP, whose messages are encrypted to it, P-256 for CMP. `kind`: of a key that
 * CMP devices encrypt to.
 */
export async function generateRaKey(profile: Profile, usage: RaKeyUsage = 'both', kind?: EncryptionKeyType): Promise<Omit<RaKey, 'tenantId' | 'createdAt'>> {
  const { privateKey, spki } = await generatePair(profile, kind);
  return {
    id: uuidv7(),
    profileId: profile.id,
    purpose: profile.protocol,
    state: 'next',
    privateKey: new Secret(privateKey),
    spki,
    certificate: null,
    chain: [],
    usage,
    origin: 'generated',
    keepUntil: null,
  };
}

function raName(profile: Profile, label: string): Name {
  const room = maxCommonName - label.length - 1;
  return buildName([[oids.commonName, `${[...profile.name].slice(0, room).join('')} ${label}`]]);
}

/** What the CA is asked for; the PKCS#10 carries the usages too, for CAs that take them from there. A key that cannot sign has none. */
export function raCertificateRequest(profile: Profile, key: RaKey): CertificateRequest {
  const kind = key.usage === 'encrypt' ? encryptionKeyTypeOf(key.spki) : undefined;
  const { label, keyUsage, extendedKeyUsage } = usageOf(profile, key.usage, kind);
  const subject = raName(profile, label);
  const extensions = [keyUsageExtension(keyUsage), ...(extendedKeyUsage.length === 0 ? [] : [extendedKeyUsageExtension(extendedKeyUsage)])];
  return {
    publicKey: key.spki,
    subject: subject.der,
    sans: [],
    keyUsage,
    extendedKeyUsage,
    validitySeconds: lifetimeSeconds,
    backdateSeconds: profile.policy.certificate.backdateSeconds,
    ...(kind !== 'ML-KEM-768' && { pkcs10: pkcs10Of(key, subject, extensions) }),
  };
}

function pkcs10Of(key: RaKey, subject: Name, extensions: readonly Extension[]): Buffer {
  const privateKey = createPrivateKey({ key: key.privateKey.reveal(), format: 'der', type: 'pkcs8' });
  return signCsr({ subject, extensions }, createSigner(privateKey, publicKeyOf(privateKey)));
}

/** `refused`: the CA said no. `later`: no answer yet, or none that is sure; the same ref is asked for again. */
export type RaAnswer = { readonly kind: 'issued'; readonly certificate: Buffer } | { readonly kind: 'refused' | 'later'; readonly reason: string };

/**
 * The certificate of a stored key, asked for under a ref that belongs to the key alone. What an earlier run may have asked for
 * is looked up first, so that a crash in between costs no second certificate. `from`: the CA that follows, instead of the issuer's own.
 */
export async function obtainRaCertificate(profile: Profile, key: RaKey, issuer: Issuer, from: Pick<Issuer, 'issue'> = issuer): Promise<RaAnswer> {
  const ref = `${profile.tenantId}-ra-${key.id}`;
  const request = raCertificateRequest(profile, key);
  if (issuer.capabilities.lookup) {
    const found = await issuer.lookup(ref, key.spki, null, request);
    if (found.kind !== 'none') return checked(fromLookup(found), key);
  }
  const answer = await from.issue(ref, request);
  if (answer.kind === 'issued') return checked(answer, key);
  if (answer.kind === 'refused') return answer;
  if (answer.kind !== 'pending') return { kind: 'later', reason: answer.reason };
  return checked(fromLookup(await issuer.lookup(ref, key.spki, answer.reference, request)), key);
}

function fromLookup(answer: LookupAnswer): RaAnswer {
  switch (answer.kind) {
    case 'found':
      return { kind: 'issued', certificate: answer.certificate };
    case 'refused':
      return answer;
    case 'pending':
      return { kind: 'later', reason: 'The CA has not decided yet.' };
    case 'none':
      return { kind: 'later', reason: 'The CA does not know the request yet.' };
    case 'unknown':
      return { kind: 'later', reason: answer.reason };
  }
}

function checked(answer: RaAnswer, key: RaKey): RaAnswer {
  if (answer.kind !== 'issued') return answer;
  const certificate = parseCertificate(answer.certificate);
  if (!certificate.ok) return { kind: 'refused', reason: 'The CA sent a malformed certificate.' };
  if (!certificate.value.publicKey.spki.equals(key.spki)) return { kind: 'refused', reason: 'The CA sent a certificate for another key.' };
  const unusable = key.purpose === 'scep' ? raUsageFault(certificate.value, key.usage) : undefined;
  return unusable === undefined ? answer : { kind: 'refused', reason: `The key cannot be used: ${unusable}.` };
}
