import { hash, randomBytes } from 'node:crypto';
import { type Certificate, commonNameOf, isSameName, keyUsageOf, type PublicKey, parseCertificate, subjectKeyIdentifierOf } from '../../pkix/index.js';
import {
  dhMacKey,
  type KemCiphertext,
  kemMacKey,
  type MacKeys,
  type MacParameters,
  type PkiMessage,
  protectionKindOf,
  readDhMacParameters,
  readKemMacParameters,
  readMacParameters,
  signerAmong,
  verifyDhMac,
  verifyKemMac,
  verifyMac,
  verifySigned,
} from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { SecretLimits } from '../../tenancy/device-secret.js';
import type { LoadedEncryptionKey } from '../../tenancy/encryption-key.js';
import type { Policy } from '../../tenancy/policy.js';
import { refusedSignature } from './allowed-signature.js';
import { type AnswerKey, addressedKeys, dhAnswer } from './answer-key.js';
import { type Fault, fault } from './fault.js';

/** Who protected a message, after the protection was verified. */
export type Peer = MacPeer | SigningPeer;

export interface MacPeer {
  readonly kind: 'mac';
  readonly secretId: string;
  readonly reference: string;
  /** As the request named it; replies repeat it. */
  readonly senderKID: Buffer;
  readonly parameters: MacParameters;
  readonly key: Buffer;
  /** Of a secret that was made for this device alone. */
  readonly limits?: SecretLimits;
  /** It is a passphrase, good only to revoke the certificates of this owner. */
  readonly revokes?: string;
  /** In the place of that MAC, where the request asked for it. */
  readonly answer?: AnswerKey;
  /** By which it asked. */
  readonly kemCiphertext?: GivenCipherText;
}

/** The holder of a certificate, by a signature or by a MAC that needs its private key. */
export interface SigningPeer {
  readonly kind: 'signature';
  readonly certificate: Certificate;
  /** In the place of the RA's signature. */
  readonly answer?: AnswerKey;
  /** By which the answers are protected, where it was by one. */
  readonly kemCiphertext?: GivenCipherText;
  /** By DHBasedMac: another credential than a signature by the same key. */
  readonly isAgreed?: true;
  /** The other certificates of the message, none of them trusted. */
  readonly others: readonly Certificate[];
}

export interface GivenCipherText extends KemCiphertext {
  /** The key of the RA that it was found to be for. */
  readonly keyId?: string;
}

export interface FoundSecret {
  readonly id: string;
  readonly secret: Buffer;
  readonly limits?: SecretLimits;
  /** Of a passphrase: whose certificates it revokes. */
  readonly revokes?: string;
}

interface FoundPassphrase extends FoundSecret {
  readonly reference: string;
}

/** Where keys come from. */
export interface KeySources {
  /** For whom keys are derived: its share of the work is bounded. */
  readonly source: string;
  readonly macKeys: MacKeys;
  findSecret(reference: string): Promise<FoundSecret | undefined>;
  /** A passphrase for revocations by the identifier its device chose, under the name that guesses of it are counted by. */
  findPassphrase(keyId: Buffer): Promise<FoundPassphrase | undefined>;
  /** Whether a MAC under this reference was right, for who counts guesses. */
  noteMac(reference: string, isRight: boolean): void;
  /** The secrets that were encapsulated for the holder of an ML-KEM key in this transaction; several while the RA changes its key. */
  kemSecrets(publicKey: PublicKey): readonly Buffer[];
  /** Keys of the RA that a MAC may have been agreed with. */
  readonly agreementKeys: readonly LoadedEncryptionKey[];
  /** The certificate that signed an earlier message of the transaction. */
  rememberedSigner(): Certificate | undefined;
}

/** Verifies the protection of a message by the key its header names (RFC 9483 section 3.5). */
export async function authenticate(message: PkiMessage, policy: Policy['cmp'], sources: KeySources): Promise<Result<Peer, Fault>> {
  const { protectionAlg } = message.header;
  // RFC 9810 section 5.1.1: protectionAlg is present if and only if the message is protected.
  if (protectionAlg === undefined || message.protection === undefined) return fail(fault('unprotected'));
  if (protectionAlg.oid === oids.kemBasedMac && policy.kemBasedMac) return authenticateKem(message, policy, sources);
  if (protectionAlg.oid === oids.dhBasedMac && policy.dhBasedMac) return authenticateAgreed(message, policy, sources);
  const kind = protectionKindOf(protectionAlg);
  if (kind === undefined) return fail(fault('algorithm', protectionAlg.oid));
  if (!policy.protection.includes(kind) && !(kind === 'mac' && mayUsePassphrase(message, policy))) return fail(fault('protection-kind', kind));
  if (kind === 'signature') {
    const refused = refusedSignature(protectionAlg, policy);
    return refused === undefined ? authenticateSigner(message, policy, sources) : fail(fault('algorithm', `${refused} is not allowed by this profile`));
  }
  const parameters = readMacParameters(protectionAlg, policy);
  if (!parameters.ok) return fail(fault('algorithm', parameters.error));
  if (!policy.macs.includes(parameters.value.kind)) return fail(fault('algorithm', `${parameters.value.kind} is not allowed by this profile`));
  return authenticateSecret(message, parameters.value, policy, sources);
}

/** What stands in for the secret of an unknown reference: the same work, and the same answer as for a wrong secret (RFC 9483 section 3.5). */
const noSecret: FoundSecret = { id: '', secret: randomBytes(24) };

/** RFC 9810 appendix B: "the revocation request message is protected by a password-based MAC with the revocation passphrase as the key". */
function mayUsePassphrase({ bodyType }: PkiMessage, { revocation }: Policy['cmp']): boolean {
  return revocation.passphrases && (bodyType === 'rr' || bodyType === 'pollReq');
}

async function authenticateSecret(message: PkiMessage, parameters: MacParameters, policy: Policy['cmp'], sources: KeySources): Promise<Result<MacPeer, Fault>> {
  const { sender } = message.header;
  if (sender.type !== 'directory') return fail(fault('sender', sender.type));
  const { reference: named, senderKID } = referenceOf(message);
  const shared = isReference(named) && policy.protection.includes('mac') ? await sources.findSecret(named) : undefined;
  const passphrase = shared === undefined && mayUsePassphrase(message, policy) ? await sources.findPassphrase(senderKID) : undefined;
  const found: FoundSecret | undefined = shared ?? passphrase;
  const reference = passphrase?.reference ?? named;
  const { id, secret, limits, revokes }: FoundSecret = found ?? noSecret;
  const key = await sources.macKeys.keyFor(parameters, secret, sources.source);
  const isVerified = verifyMac(message, parameters, key);
  if (found !== undefined) sources.noteMac(reference, isVerified);
  if (!isVerified || found === undefined) return fail(fault('mac', found === undefined ? 'unknown reference' : `reference ${reference}`));
  return ok({ kind: 'mac', secretId: id, reference, senderKID, parameters, key, ...(limits && { limits }), ...(revokes !== undefined && { revokes }) });
}

/** senderKID, as OpenSSL fills it from `-ref` beside an empty sender; else the sender's commonName (RFC 9483 section 3.1). */
function referenceOf(message: PkiMessage): { reference: string; senderKID: Buffer } {
  const { senderKID, sender } = message.header;
  if (senderKID !== undefined && senderKID.length > 0) return { reference: senderKID.toString('utf8'), senderKID };
  const reference = (sender.name && commonNameOf(sender.name)) ?? '';
  return { reference, senderKID: Buffer.from(reference, 'utf8') };
}

function isReference(text: string): boolean {
  return /^\P{Cc}{1,256}$/u.test(text);
}

function authenticateSigner(message: PkiMessage, policy: Policy['cmp'], sources: KeySources): Result<SigningPeer, Fault> {
  const signer = signerOf(message, sources);
  if (signer === undefined) return fail(fault('signature', 'no certificate of the signer'));
  const { certificate } = signer;
  if (!isSentBy(message, certificate, policy.conduct === '3gpp')) return fail(fault('sender', 'sender or senderKID is not that of the certificate'));
  const verified = verifySigned(message, certificate.publicKey);
  if (!verified.ok) return fail(verified.error === 'algorithm' ? fault('algorithm', message.header.protectionAlg?.oid) : fault('signature'));
  if (isSameName(certificate.subject, certificate.issuer)) return fail(fault('signer', 'self-signed'));
  const usage = keyUsageOf(certificate.extensions);
  const maySign = usage.ok && (usage.value === undefined || usage.value.includes('digitalSignature'));
  return maySign ? ok(signer) : fail(fault('signer', 'keyUsage without digitalSignature'));
}

/** RFC 9810 section 5.1.3.4: by decapsulating a secret of this transaction the device shows that it has the key of its certificate. */
function authenticateKem(message: PkiMessage, policy: Policy['cmp'], sources: KeySources): Result<SigningPeer, Fault> {
  const { protectionAlg, transactionID } = message.header;
  const parameters = readKemMacParameters(protectionAlg ?? { oid: '' });
  if (!parameters.ok) return fail(fault('algorithm', parameters.error));
  const signer = signerOf(message, sources);
  if (signer === undefined || transactionID === undefined) return fail(fault('signature', 'no certificate of the sender'));
  const { certificate } = signer;
  if (!isSentBy(message, certificate, policy.conduct === '3gpp')) return fail(fault('sender', 'sender or senderKID is not that of the certificate'));
  if (!mayDecapsulate(certificate)) return fail(fault('algorithm', 'KemBasedMac of a key that is no KEM key'));
  const keys = sources.kemSecrets(certificate.publicKey).map((secret) => kemMacKey(secret, transactionID, parameters.value));
  return keys.some((key) => verifyKemMac(message, parameters.value, key)) ? ok(signer) : fail(fault('mac', 'KemBasedMac'));
}

/** RFC 9810 section 5.1.3.2: the key was agreed between the private key of the device's certificate and the encryption key of the RA. */
function authenticateAgreed(message: PkiMessage, policy: Policy['cmp'], sources: KeySources): Result<SigningPeer, Fault> {
  const parameters = readDhMacParameters(message.header.protectionAlg ?? { oid: '' });
  if (!parameters.ok) return fail(fault('algorithm', parameters.error));
  const signer = signerOf(message, sources);
  if (signer === undefined) return fail(fault('signature', 'no certificate of the sender'));
  const { certificate } = signer;
  if (!isSentBy(message, certificate, policy.conduct === '3gpp')) return fail(fault('sender', 'sender or senderKID is not that of the certificate'));
  if (!mayAgree(certificate)) return fail(fault('algorithm', 'DHBasedMac of a key that is not for key agreement'));
  for (const own of addressedKeys(sources.agreementKeys, message)) {
    const key = own.secret.kind === 'agreement' ? dhMacKey(own.secret.privateKey, certificate.publicKey, parameters.value) : undefined;
    if (key !== undefined && verifyDhMac(message, key, parameters.value)) {
      return ok({ ...signer, isAgreed: true, answer: dhAnswer(own, key, parameters.value, certificate) });
    }
  }
  return fail(fault('mac', 'DHBasedMac'));
}

/** RFC 5280 section 4.2.1.3; one without keyUsage is for anything. Keys of other curves than the RA's agree on nothing with it. */
export function mayAgree({ publicKey, extensions }: Certificate): boolean {
  const usage = keyUsageOf(extensions);
  return publicKey.type === 'ec' && usage.ok && (usage.value === undefined || usage.value.includes('keyAgreement'));
}

/** RFC 9935 section 5: keyEncipherment is the one usage of an ML-KEM certificate. */
export function mayDecapsulate({ publicKey, extensions }: Certificate): boolean {
  const usage = keyUsageOf(extensions);
  const isAllowed = usage.ok && (usage.value === undefined || usage.value.includes('keyEncipherment'));
  return isAllowed && publicKey.type === 'ml-kem' && publicKey.isUsable;
}

/** Later messages of a transaction may leave the certificate of their signer out. */
function signerOf(message: PkiMessage, sources: KeySources): SigningPeer | undefined {
  const certificates: Certificate[] = [];
  for (const der of message.extraCerts) {
    const certificate = parseCertificate(der);
    if (certificate.ok) certificates.push(certificate.value);
  }
  const certificate = signerAmong(certificates, message.header.senderKID) ?? (message.extraCerts.length === 0 ? sources.rememberedSigner() : undefined);
  return certificate && { kind: 'signature', certificate, others: certificates.filter((item) => item !== certificate) };
}

/** RFC 9483 section 3.1: sender is the subject, senderKID the subject key identifier if there is one; base stations may leave senderKID out. */
function isSentBy(message: PkiMessage, certificate: Certificate, mayOmitKid: boolean): boolean {
  const { sender, senderKID } = message.header;
  const identifier = subjectKeyIdentifierOf(certificate.extensions);
  const isNamed = sender.name !== undefined && isSameName(sender.name, certificate.subject);
  if (senderKID === undefined && mayOmitKid) return isNamed;
  return isNamed && (identifier === undefined || senderKID?.equals(identifier) === true);
}

/** Who asks, for deduplication and for binding what follows to the credential of the request: 32 octets. */
export function requesterOf(peer: Peer): Buffer {
  if (peer.kind === 'mac') return hash('sha256', `secret:${peer.reference}`, 'buffer');
  const { fingerprint } = peer.certificate.publicKey;
  return peer.isAgreed === true ? hash('sha256', Buffer.concat([Buffer.from('agreed:'), fingerprint]), 'buffer') : fingerprint;
}
