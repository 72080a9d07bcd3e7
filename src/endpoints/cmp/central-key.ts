import { generateKeyPair, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { type Certificate, extendedKeyUsageOf, type KeyUsage, keyUsageOf, type PublicKey, publicKeyOf, readAlgorithmIdentifier } from '../../pkix/index.js';
import { buildCertRequest, type CertReqMsg } from '../../protocol/cmp/index.js';
import { asymmetricKeyPackage, keyIdentifierOf, passwordKeyRecipient, type Recipient, signKeyPackage } from '../../protocol/cms/index.js';
import { Cursor, guarded, oids } from '../../protocol/der/index.js';
import { randomOctets } from '../../runtime/random.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { createTurns } from '../../runtime/turns.js';
import type { CentralKeyType } from '../../tenancy/cmp-keys.js';
import type { LoadedRaKey } from '../../tenancy/directory.js';
import type { Peer } from './authenticate.js';
import { encryptedKey } from './encrypted-key.js';
import type { VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { recipientOf } from './key-recipient.js';
import { sourceOf } from './source-of.js';
import { evidenceOf } from './translate.js';

const generate = promisify(generateKeyPair);
const derive = promisify(pbkdf2);
const passwordIterations = 100_000;
/** An RSA-4096 key takes a thread for a second or more, and there are four, for everything. */
const turns = createTurns({ atOnce: 2, waiting: 64, perSource: 16 }, 'Too many private keys are being made.');

/** RFC 9483 section 4.1.6: no public key, or an algorithm with an empty one. */
export function isCentralKeyWanted({ certReq }: CertReqMsg): boolean {
  const { publicKey } = certReq.certTemplate;
  return publicKey === undefined || askedType(publicKey) !== undefined;
}

export interface CentralKey {
  /** The request with the public key in it. */
  readonly certReqMsg: CertReqMsg;
  /** EncryptedKey: the private key, for the requester only. Nothing else keeps it. */
  readonly keyPackage: Buffer;
}

/**
 * Makes the key pair that the request leaves to us and encrypts the private key to the credential that protects the request,
 * where the profile serves that (RFC 9483 section 4.1.6).
 */
export async function makeCentralKey(exchange: VerifiedExchange, message: CertReqMsg): Promise<Result<CentralKey, Fault>> {
  const { endpoint, header, peer, context, deps } = exchange;
  const { centralKeys } = endpoint.profile.policy.cmp;
  const type = centralKeys.serve ? keyTypeOf(message, centralKeys.keyTypes) : undefined;
  if (type === undefined) return fail(fault('template-key', centralKeys.serve ? 'a kind of key that is not made here' : 'absent'));
  if (header.pvno < 3) return fail(fault('pvno-3', 'a private key'));
  if (!centralKeys.withoutTls && context.isSecure !== true) return fail(fault('central-key-transport'));
  // Anyone can sign with a certificate of their own; keys are made for those the profile knows.
  const known = await deps.enrolment.recognise(endpoint.profile, evidenceOf(peer));
  if (!known.ok) return fail(fault('signer', known.error.code));
  const source = sourceOf(context.clientIp);
  const recipient = await turns.run(source, () => recipientFor(exchange, peer));
  if (recipient === undefined) return fail(fault('central-key-recipient'));
  const generator = endpoint.raKeys.find((key) => mayGenerate(key.certificate));
  if (generator === undefined) return fail(fault('unavailable', 'the RA certificate lacks cmKGA; it comes with the next one'));
  const { privateKey, publicKey } = await turns.run(source, () => newKeyPair(type));
  const keyPackage = packageFor(generator, asymmetricKeyPackage(privateKey, publicKey), recipient);
  const { certReqId, certTemplate, controls } = message.certReq;
  const certReq = buildCertRequest({ certReqId, certTemplate: { ...certTemplate, publicKey: publicKey.spki }, ...(controls && { controls }) });
  return ok({ certReqMsg: { ...message, certReq }, keyPackage });
}

function packageFor({ signer, certificate, chain }: LoadedRaKey, keyPackage: Buffer, recipient: Recipient): Buffer {
  const signed = signKeyPackage(keyPackage, { signer, certificate, chain: chain.slice(0, -1).map((item) => item.der) });
  keyPackage.fill(0);
  return encryptedKey(signed, recipient, oids.signedData);
}

/** RFC 9483 section 4.1.6: the purpose cmKGA; without it nobody should take a key from it. */
function mayGenerate(certificate: Certificate): boolean {
  const purposes = extendedKeyUsageOf(certificate.extensions);
  return purposes.ok && purposes.value?.includes(oids.cmKGA) === true;
}

/** RFC 9483 sections 4.1.6.1 to 4.1.6.3; undefined for a certificate whose key may not receive keys. */
async function recipientFor({ endpoint, deps }: VerifiedExchange, peer: Peer): Promise<Recipient | undefined> {
  if (peer.kind === 'signature') {
    const { publicKey } = peer.certificate;
    const usage: KeyUsage = publicKey.type === 'rsa' ? 'keyEncipherment' : 'keyAgreement';
    return allows(peer.certificate, usage) ? recipientOf(publicKey, keyIdentifierOf(peer.certificate)) : undefined;
  }
  const found = await deps.enrolment.findSharedSecret(endpoint.profile, peer.reference);
  if (found === undefined) return undefined;
  // A salt of its own, so that the key is not the one of the MAC.
  const derivation = { salt: randomOctets(16), iterations: passwordIterations };
  const kek = await derive(found.secret.reveal(), derivation.salt, derivation.iterations, 32, 'sha256');
  return passwordKeyRecipient(kek, derivation);
}

function allows(certificate: Certificate, usage: KeyUsage): boolean {
  const usages = keyUsageOf(certificate.extensions);
  return usages.ok && usages.value?.includes(usage) === true;
}

const curveTypes: Readonly<Record<string, CentralKeyType>> = { [oids.p256]: 'P-256', [oids.p384]: 'P-384', [oids.p521]: 'P-521' };

/** What the template says of the key: `any`, one of our kinds, RSA of any size; undefined where it brings a key of its own. */
function askedType(spki: Buffer): CentralKeyType | 'RSA' | 'unknown' | undefined {
  const read = guarded(() => {
    const fields = new Cursor(spki).sequence();
    const algorithm = readAlgorithmIdentifier(fields);
    return fields.bitString().bytes.length === 0 ? algorithm : undefined;
  });
  if (!read.ok || read.value === undefined) return undefined;
  const { oid, parameters } = read.value;
  if (oid === oids.rsaEncryption) return 'RSA';
  if (oid === oids.ed25519) return 'Ed25519';
  const curve = guarded(() => new Cursor(parameters ?? Buffer.alloc(0)).oid());
  return (oid === oids.ecPublicKey && curve.ok && curveTypes[curve.value]) || 'unknown';
}

/** The kind to make; undefined where the profile does not make what is asked for. */
function keyTypeOf({ certReq }: CertReqMsg, served: readonly CentralKeyType[]): CentralKeyType | undefined {
  const { publicKey } = certReq.certTemplate;
  const asked = publicKey === undefined ? served[0] : askedType(publicKey);
  if (asked !== 'RSA') return served.find((type) => type === asked);
  const length = certReq.controls?.find((control) => control.type === oids.rsaKeyLenCtrl);
  const bits = length && guarded(() => new Cursor(length.value).smallInteger());
  if (bits === undefined) return served.find((type) => type.startsWith('RSA'));
  return served.find((type) => bits.ok && type === `RSA-${bits.value}`);
}

async function newKeyPair(type: CentralKeyType): Promise<{ privateKey: Parameters<typeof asymmetricKeyPackage>[0]; publicKey: PublicKey }> {
  const pair = await generatePair(type);
  return { privateKey: pair.privateKey, publicKey: publicKeyOf(pair.publicKey) };
}

/** On another thread: an RSA key takes a tenth of a second. */
function generatePair(type: CentralKeyType) {
  if (type === 'Ed25519') return generate('ed25519');
  return type.startsWith('RSA') ? generate('rsa', { modulusLength: Number(type.slice(4)) }) : generate('ec', { namedCurve: type });
}
