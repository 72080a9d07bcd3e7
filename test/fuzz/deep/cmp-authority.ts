import { createHash, type KeyObject, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import type { PkiBody, PkiMessage } from '../../../src/protocol/cmp/index.js';
import { agreeMacOf, decodePkiBody, decodePkiMessage, protectedPart, readNestedContent } from '../../../src/protocol/cmp/index.js';
import type { Issue } from '../core.js';
import { must } from '../target.js';
import type { World } from '../world.js';
import { recheckRenewal } from './authority.js';
import { agreedMac, type Encryption } from './encryption.js';
import type { CmpPlace } from './places.js';
import { attributesOf, readCertificate, recheckCertificate } from './recheck.js';

/** A message and those inside it, as far as they can be read. */
function messagesIn(bytes: Buffer, depth = 0): readonly PkiMessage[] {
  const message = decodePkiMessage(bytes);
  if (!message.ok) return [];
  const body = decodePkiBody(message.value);
  if (!body.ok || body.value.type !== 'nested' || depth > 3) return [message.value];
  const inside = readNestedContent(body.value.content);
  return [message.value, ...(inside.ok ? inside.value.flatMap((item) => messagesIn(item, depth + 1)) : [])];
}

/** The certificate that senderKID names, found by the octets of its extension alone; else the first (3GPP TS 33.310 clause 9.5.2: in any order). */
function signerIn({ header: { senderKID }, extraCerts }: PkiMessage): Buffer | undefined {
  if (senderKID === undefined || senderKID.length > 100) return extraCerts[0];
  const heads = [0x06, 0x03, 0x55, 0x1d, 0x0e, 0x04, senderKID.length + 2, 0x04, senderKID.length];
  const extension = Buffer.concat([Buffer.from(heads), senderKID]);
  return extraCerts.find((der) => der.includes(extension)) ?? extraCerts[0];
}

const digests: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

/** By node:crypto and the object identifier alone; undefined where that says nothing (RSASSA-PSS). */
function isSignedBy(oid: string, key: KeyObject, data: Buffer, signature: Buffer): boolean | undefined {
  if (key.asymmetricKeyType === 'ed25519') return verify(null, data, key, signature);
  const digest = digests[oid];
  return digest === undefined ? undefined : verify(digest, data, key, signature);
}

/** Holds a certificate against what was sent to a place: policy, key, who asked by what right. Throws `Broken`. */
export function recheckCmpIssue(issue: Issue, sent: Buffer, place: CmpPlace, world: World, encryption: Encryption): void {
  const { credential, certificate, request } = issue;
  const { policy } = place.endpoint.profile;
  must(policy.approval.mode === 'automatic', 'a certificate was issued without approval');
  recheckCertificate(certificate, policy, { protocol: 'cmp', isRenewal: request.intent === 'renewal' });
  const message = messagesIn(sent).find(({ bodyType, header }) => bodyType !== 'nested' && isOf(request.transactionId, header.transactionID, place));
  must(message !== undefined, 'a certificate was issued in a transaction of another message');
  if (message === undefined) return;
  recheckRequester(issue, message, place, world, encryption);
  recheckPossession(certificate, message, place, encryption);
  if (request.intent === 'renewal') recheckRenewal(credential.slice('certificate:'.length), certificate, place);
  recheckBinding(issue, message, place);
}

/** Further requests of one message have names that begin with its transactionID; a compat profile gives one to a message that has none. */
function isOf(transactionId: string, transactionID: Buffer | undefined, { endpoint }: CmpPlace): boolean {
  if (transactionID === undefined) return endpoint.profile.policy.cmp.conduct === 'compat';
  return transactionId.startsWith(transactionID.toString('hex'));
}

/** The order rests on the secret, or on the certificate whose key protects the message. */
function recheckRequester({ credential, request }: Issue, message: PkiMessage, place: CmpPlace, { secrets }: World, encryption: Encryption): void {
  const { protectionAlg } = message.header;
  const oid = protectionAlg?.oid ?? '';
  const isMac = oid === '1.2.840.113533.7.66.13' || oid === '1.2.840.113549.1.5.14';
  const expected = isMac ? createHash('sha256').update(`secret:${secrets.reference}`).digest() : undefined;
  if (expected !== undefined) {
    must(credential === `secret:${secrets.reference}`, `a message under the secret was taken for ${credential}`);
    must(request.requester.length === 32 && timingSafeEqual(request.requester, expected), 'a requester of another secret');
    must(place.endpoint.profile.policy.cmp.protection.includes('mac'), 'a MAC counted where only signatures do');
    return;
  }
  const signer = request.evidence.signer?.certificate;
  must(signer !== undefined, 'a certificate was issued to nobody');
  if (signer === undefined) return;
  const known = place.issuedBefore.find((item) => item.der.equals(signer.der));
  must(known === undefined || known.status !== 'revoked', 'a revoked certificate asked and got');
  const part = protectedPart(message.headerDer, message.bodyDer);
  const { publicKey } = new X509Certificate(signer.der);
  if (oid === '1.2.840.113533.7.66.30') {
    const mac = agreedMac(encryption.agreementKey, publicKey, protectionAlg?.parameters, part);
    must(
      place.endpoint.profile.policy.cmp.dhBasedMac && mac?.equals(message.protection ?? Buffer.alloc(0)) === true,
      'the agreed MAC of a granted message is wrong',
    );
    return;
  }
  must(isSignedBy(oid, publicKey, part, message.protection ?? Buffer.alloc(0)) !== false, 'the signature of a granted message is wrong');
}

/** The proof of the request with the key that was certified, once more. */
function recheckPossession(certificate: Buffer, message: PkiMessage, place: CmpPlace, { agreementKey }: Encryption): void {
  const body = decodePkiBody(message);
  must(body.ok, 'a message that cannot be read was granted');
  if (!body.ok || !('messages' in body.value)) return;
  const { publicKey } = new X509Certificate(certificate);
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const asked = body.value.messages.filter(({ certReq }) => certReq.certTemplate.publicKey !== undefined && isSameKey(certReq.certTemplate.publicKey, spki));
  must(asked.length > 0, 'a key was certified that nobody asked for');
  const mayVouch = place.registrationAuthority !== undefined && signerIn(message)?.equals(place.registrationAuthority.certificate.der) === true;
  const isProved = asked.some(({ certReq, popo }) => {
    if (popo === undefined) return false;
    if (popo.kind === 'raVerified') return mayVouch && body.value.type !== 'kur';
    const agreed = popo.kind === 'signature' ? undefined : agreeMacOf(popo.privKey);
    if (agreed !== undefined) {
      const mac = agreedMac(agreementKey, publicKey, agreed.algId.parameters, certReq.der);
      return place.endpoint.profile.policy.cmp.possession.agreeMac && mac?.equals(agreed.value) === true;
    }
    if (popo.kind !== 'signature') return place.endpoint.profile.policy.cmp.possession.encryptedCertificate;
    const { poposkInput, algorithmIdentifier, signature } = popo.signingKey;
    return isSignedBy(algorithmIdentifier.oid, publicKey, poposkInput?.der ?? certReq.der, signature) !== false;
  });
  must(isProved, 'a key was certified without proof of its possession');
}

/** A key is the same however it was written; both are written anew by OpenSSL. */
function isSameKey(asked: Buffer, certified: Buffer): boolean {
  if (asked.equals(certified)) return true;
  // Only the parameters may have been spelt in another way: the octets of the key stand at the end.
  return asked.subarray(-32).equals(certified.subarray(-32));
}

/** subjectBinding: signer (who signs gets its own name, who has only the secret none that is not its reference). */
function recheckBinding({ certificate }: Issue, message: PkiMessage, place: CmpPlace): void {
  const signer = signerIn(message);
  if (place.endpoint.profile.policy.names.subjectBinding !== 'signer' || signer === undefined) return;
  const names = [certificate, signer].map((item) =>
    attributesOf(readCertificate(item).subject)
      .map(({ type, text }) => `${type}=${text.trim().replace(/\s+/g, ' ').toLowerCase()}`)
      .join(),
  );
  must(names[0] === names[1], `a bound signer got the name ${names[0]}`);
}

const harmless: readonly PkiBody['type'][] = ['error', 'pkiconf'];

/**
 * What was changed and not protected anew is refused, or it says what it said before: nothing but an error is answered, unless header,
 * body and protection are those of a message that once was sent so.
 */
export function recheckForged(sent: Buffer, answered: PkiBody, genuine: ReadonlySet<string>): void {
  const message = decodePkiMessage(sent);
  must(message.ok || answered.type === 'error', `what cannot be read was answered by ${answered.type}`);
  if (!message.ok || answered.type === 'error') return;
  const isClientError = message.value.bodyType === 'error';
  must(
    (isClientError && harmless.includes(answered.type)) || genuine.has(contentKey(message.value)),
    `a forged ${message.value.bodyType} was answered by ${answered.type}`,
  );
}

export function contentKey(message: PkiMessage): string {
  return protectedPart(message.headerDer, message.bodyDer).toString('latin1');
}

/** A revocation that was accepted named the certificate of its signer, or the one whose passphrase protects it (serial numbers by the names of passphrases). */
export function recheckRevocation(sent: Buffer, answered: PkiBody, passphrases: ReadonlyMap<string, string> = new Map()): void {
  if (answered.type !== 'rp' || answered.content.status.every(({ status }) => status === 'rejection')) return;
  for (const message of messagesIn(sent)) {
    const body = decodePkiBody(message);
    if (!body.ok || body.value.type !== 'rr') continue;
    const der = signerIn(message);
    const signer = der === undefined ? undefined : new X509Certificate(der);
    const named = body.value.details.map(({ certDetails }) => certDetails.serialNumber?.toString('hex').replace(/^0+/, '').toLowerCase());
    const left = passphrases.get(message.header.senderKID?.toString() ?? '');
    const own = (signer?.serialNumber ?? left)?.replace(/^0+/, '').toLowerCase();
    must(
      answered.content.status.every(({ status }, index) => status === 'rejection' || (own !== undefined && named[index] === own)),
      'a certificate of another was revoked',
    );
  }
}
