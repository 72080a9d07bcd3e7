import type { EnrolmentRequest, Evidence } from '../../enrolment/request.js';
import type { EnrolmentService, TransactionQuery } from '../../enrolment/service.js';
import { type CertificationRequest, nameToText, type PublicKey, serialHex, verifyCertificate, verifyCsr } from '../../pkix/index.js';
import { type AddressedEnvelope, type ContentCipher, otherCertificates } from '../../protocol/cms/index.js';
import {
  addressRequest,
  decodeRequest,
  isSelfSigned,
  type MessageData,
  openRequest,
  type ReplyRecipient,
  type RequestType,
  type ScepFault,
  type ScepRequest,
  scepFault,
  scepFaults,
  transactionIdText,
} from '../../protocol/scep/index.js';
import { type Clock, systemClock } from '../../runtime/clock.js';
import { fail, type Result } from '../../runtime/result.js';
import type { ScepEndpoint } from '../../tenancy/directory.js';
import { decryptSeconds, secondsSince } from '../figures.js';
import { answer, certRep, type Exchange, note, refuse, refuseAs, refuseOpaquely, type ScepCaller, type ScepReply } from './answering.js';
import { allowedHeader, checkRequest } from './check-request.js';
import { clientFamilyOf } from './client-family.js';
import { findCertificate, findCrl } from './look-up.js';
import { keysOf, type ScepRaKey } from './ra-keys.js';
import { canBeAnswered, replyRecipient } from './recipient.js';
import { newTrace, type ScepTrace } from './trace.js';

/**
 * PKIOperation from bytes to bytes (RFC 8894 §4.3): decode, verify, decrypt, ask the core, answer. Everything that can be told to
 * a client becomes a CertRep; throws only when the core or the signing key is broken. `trace` is filled with what becomes known.
 */
export async function handlePkiOperation(
  endpoint: ScepEndpoint,
  bytes: Buffer,
  caller: ScepCaller,
  deps: { readonly enrolment: EnrolmentService; readonly clock?: Clock },
  trace: ScepTrace = newTrace(),
): Promise<ScepReply> {
  const { enrolment, clock = systemClock } = deps;
  const { signer, recipients } = keysOf(endpoint);
  const [firstKey] = recipients;
  if (signer === undefined || firstKey === undefined) return { kind: 'unavailable' };

  const decoded = decodeRequest(bytes);
  const header = decoded.ok ? decoded.value.header : decoded.error.header;
  if (decoded.ok) trace.request = decoded.value;
  trace.transactionId = header?.transactionId;
  const family = clientFamilyOf({ transactionId: header === undefined ? '' : transactionIdText(header.transactionId), ...caller });
  if (header === undefined) {
    const detail = decoded.ok ? '' : decoded.error.detail;
    note({ endpoint, caller, family, enrolment, trace }, 'malformed', detail);
    return { kind: 'unreadable' };
  }
  const exchange: Exchange = { endpoint, caller, family, enrolment, trace, header: allowedHeader(header, endpoint), raKey: signer };
  if (!decoded.ok) return refuse(exchange, decoded.error);

  const type = checkRequest(decoded.value, endpoint, clock.now());
  if (!type.ok) return refuse(exchange, type.error);
  const addressed = addressRequest(decoded.value, recipients, endpoint.profile.policy.scep.ciphers);
  if (!addressed.ok) return refuse(exchange, addressed.error, expectedRecipient(addressed.error, firstKey));
  return answerOpened({ ...exchange, raKey: addressed.value.key.answersWith }, decoded.value, type.value, addressed.value);
}

const decrypting = decryptSeconds({ protocol: 'scep' });

function expectedRecipient(fault: ScepFault, raKey: Pick<ScepRaKey, 'certificate'>): string {
  if (fault.code !== 'wrong-recipient') return scepFaults[fault.code].says;
  const { issuer, serial } = raKey.certificate;
  return `${scepFaults[fault.code].says} Expected: serial ${serialHex(serial)} of ${nameToText(issuer)}.`;
}

/** The part after which the sender's key is proven and the envelope is ours. */
async function answerOpened(exchange: Exchange, request: ScepRequest, type: RequestType, envelope: AddressedEnvelope<ScepRaKey>): Promise<ScepReply> {
  // Before the core is asked: a certificate that could not be delivered must never be issued.
  if (!canBeAnswered(request, envelope, exchange.endpoint)) return refuseUndeliverable(exchange, request.signer.publicKey);
  const startedAt = performance.now();
  const opened = openRequest(type, envelope, envelope.key.unwrapper);
  decrypting.observe(secondsSince(startedAt));
  if (!opened.ok) return refuse(exchange, opened.error);
  const data = opened.value;
  const recipient = replyRecipient(request, envelope, data);
  switch (data.kind) {
    case 'issuerAndSubject':
      return answer(exchange, recipient, await exchange.enrolment.poll(exchange.endpoint.profile, transactionOf(request)));
    case 'issuerAndSerial':
      if (recipient === undefined) return refuseUndeliverable(exchange, request.signer.publicKey);
      return type === 'GetCRL' ? answerCrl(exchange, recipient, data) : answerCertificate(exchange, recipient, request, data);
    case 'csr': {
      const csr = withSharedKey(data.csr, request);
      exchange.trace.csr = csr.der;
      const proof = proveKey(exchange, request, csr);
      if (!proof.ok) return proof.error;
      if (recipient === undefined) return refuseUndeliverable(exchange, request.signer.publicKey);
      const wanted = enrolmentRequest(exchange, request, type, csr, envelope.content.cipher);
      if ('password' in recipient && !(await isOwnChallenge(exchange, request, csr, wanted.evidence))) {
        return refuseOpaquely(exchange, 'The answer would be encrypted under a challenge that is not proven to be of its sender.');
      }
      return answer(exchange, recipient, await exchange.enrolment.enrol(exchange.endpoint.profile, wanted));
    }
  }
}

/**
 * Whether the challenge can be taken for the sender's: the request is for his key, or he is a device of this profile. One who sends the
 * envelope of someone else under a certificate of his own would get an answer to try challenges against.
 */
async function isOwnChallenge({ endpoint, enrolment }: Exchange, request: ScepRequest, csr: CertificationRequest, evidence: Evidence): Promise<boolean> {
  if (csr.publicKey === request.signer.publicKey) return true;
  return evidence.signer !== undefined && (await enrolment.recognise(endpoint.profile, evidence)).ok;
}

function refuseUndeliverable(exchange: Exchange, key: PublicKey): ScepReply {
  return refuseAs(exchange, 'key-undeliverable', 'unsupported', `Signer key ${key.name}.`);
}

type Named = Extract<MessageData, { readonly kind: 'issuerAndSerial' }>;

/** SUCCESS or FAILURE, never PENDING (RFC 8894 §4.5.1); nothing is recorded: sscep sends one constant transactionID from every device. */
async function answerCertificate(exchange: Exchange, recipient: ReplyRecipient, request: ScepRequest, named: Named): Promise<ScepReply> {
  const found = await findCertificate(exchange.endpoint, exchange.enrolment, request.signer, named);
  if (!found.ok) return refuseAs(exchange, 'certificate-unknown', 'not-authorised', found.error);
  return certRep(exchange, { status: 'SUCCESS', certificates: [found.value], recipient });
}

/** RFC 8894 §4.6.1: the CRL alone. */
async function answerCrl(exchange: Exchange, recipient: ReplyRecipient, named: Named): Promise<ScepReply> {
  const found = await findCrl(exchange.endpoint, exchange.enrolment, named);
  if (found.ok) return certRep(exchange, { status: 'SUCCESS', certificates: [], crls: [found.value], recipient });
  if (found.error === 'no-crl') return refuse(exchange, scepFault('message-type', 'GetCRL, but the CA gives no CRL.'));
  return refuseAs(exchange, 'certificate-unknown', 'not-authorised', 'GetCRL for another issuer.');
}

/** Signer and request mostly have the same key; as one instance it is imported once. */
function withSharedKey(csr: CertificationRequest, request: ScepRequest): CertificationRequest {
  const { publicKey } = request.signer;
  return publicKey.spki.equals(csr.publicKey.spki) ? { ...csr, publicKey } : csr;
}

/**
 * Proof of possession, for PKCSReq and RenewalReq alike (RFC 8894 §7.6), and a self-signed signer's key must be the requested key: the
 * answer goes to the signer. A sender who is no one - not self-signed by the requested key, not certified by our CA - is told the same
 * as for an envelope that cannot be decrypted: he may be replaying someone's altered envelope to see whether it still reads as a request.
 */
function proveKey(exchange: Exchange, request: ScepRequest, csr: CertificationRequest): Result<true, ScepReply> {
  const isSameKey = csr.publicKey === request.signer.publicKey;
  const selfSigned = isSelfSigned(request.signer);
  if (selfSigned && request.signer.publicKey.type === 'rsa' && csr.publicKey.type !== 'rsa')
    return fail(refuseAs(exchange, 'key-undeliverable', 'unsupported', `Requested key ${csr.publicKey.name}.`));
  if (selfSigned && !isSameKey) return fail(refuseOpaquely(exchange, 'The self-signed signer has another key than the request.'));
  const verified = verifyCsr(csr);
  if (verified.ok) return verified;
  const detail = `PKCS#10 signature: ${verified.error}.`;
  if (!isSameKey && !isCertifiedHere(exchange.endpoint, request)) return fail(refuseOpaquely(exchange, detail));
  if (verified.error === 'algorithm-unknown') return fail(refuse(exchange, scepFault('digest-refused', detail)));
  const code = verified.error === 'key-unusable' ? 'key-malformed' : 'proof-of-possession';
  return fail(refuseAs(exchange, code, 'bad-proof-of-possession', detail));
}

function isCertifiedHere(endpoint: ScepEndpoint, request: ScepRequest): boolean {
  return endpoint.caChain.some((authority) => verifyCertificate(request.signer, authority.publicKey).ok);
}

function transactionOf(request: ScepRequest): TransactionQuery {
  return { protocol: 'scep', transactionId: transactionIdText(request.header.transactionId), requester: request.signer.publicKey.fingerprint };
}

function enrolmentRequest(exchange: Exchange, request: ScepRequest, type: RequestType, csr: CertificationRequest, cipher: ContentCipher): EnrolmentRequest {
  const { publicKey, subject, extensions } = csr;
  const { protocol, transactionId, requester } = transactionOf(request);
  return {
    protocol,
    transactionId,
    requester,
    intent: type === 'RenewalReq' ? 'renewal' : 'initial',
    content: csr.der,
    evidence: evidenceOf(request, csr),
    wanted: { publicKey, subject, extensions, pkcs10: csr.der },
    facts: { clientIp: exchange.caller.clientIp, clientFamily: exchange.family, keyType: publicKey.name, digest: request.digest, cipher },
    session: {},
  };
}

/** A self-signed signer is no one (RFC 8894 §2.4), and SHA-1 proves no one (§7.9). */
function evidenceOf(request: ScepRequest, csr: CertificationRequest): Evidence {
  const { signer, signedData, digest } = request;
  const isSomeone = !isSelfSigned(signer) && digest !== 'sha1';
  return {
    ...(csr.challengePassword === undefined ? {} : { challenge: csr.challengePassword }),
    ...(isSomeone ? { signer: { certificate: signer, others: otherCertificates(signedData, signer) } } : {}),
  };
}
