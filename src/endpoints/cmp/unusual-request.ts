import type { PublicKey } from '../../pkix/index.js';
import {
  agreeMacOf,
  type CertReqMsg,
  dhMacKey,
  isDhMac,
  isMac,
  type PkMacValue,
  type ProofOfPossession,
  readDhMacParameters,
  readMacParameters,
  subsequentMessageOf,
  type VerifyKeyMac,
  verifyPossession,
} from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { addressedKeys } from './answer-key.js';
import { isCentralKeyWanted, makeCentralKey } from './central-key.js';
import type { JudgePossession, RequestBody } from './check-request.js';
import type { VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import type { KeyDelivery } from './session.js';
import { sourceOf } from './source-of.js';

/** A request that is not simply signed by its key, with what its check and its answer need. */
export interface Prepared {
  /** The request; with the key that was made for it, where one was asked for. */
  readonly body: RequestBody;
  readonly judgePossession?: JudgePossession;
  readonly delivery: KeyDelivery;
}

/** False for a PKCS#10, several requests, and one request with its key and a signature by it: nearly all there are. */
export function isUnusual(body: RequestBody): boolean {
  const message = onlyMessage(body);
  if (message === undefined) return false;
  const { popo } = message;
  return popo?.kind !== 'signature' || popo.signingKey.poposkInput?.publicKeyMAC !== undefined;
}

function onlyMessage(body: RequestBody): CertReqMsg | undefined {
  return body.type === 'p10cr' || body.messages.length !== 1 ? undefined : body.messages[0];
}

/** Looks up and makes what an unusual request needs; one that is only wrong is given back as it is, for its check to say so. */
export async function prepareRequest(exchange: VerifiedExchange, body: RequestBody): Promise<Result<Prepared, Fault>> {
  const message = onlyMessage(body);
  if (body.type === 'p10cr' || message === undefined) return ok({ body, delivery: {} });
  const { popo } = message;
  if (popo === undefined && isCentralKeyWanted(message)) {
    const made = await makeCentralKey(exchange, message);
    if (!made.ok) return made;
    const { certReqMsg, keyPackage } = made.value;
    return ok({ body: { ...body, messages: [certReqMsg] }, judgePossession: () => ok(true), delivery: { keyPackage } });
  }
  if (popo?.kind === 'keyEncipherment' || popo?.kind === 'keyAgreement') return prepareIndirect(exchange, body, popo);
  if (popo?.kind !== 'signature' || popo.signingKey.poposkInput?.publicKeyMAC === undefined) return ok({ body, delivery: {} });
  const verifyKeyMac = await keyMacVerifier(exchange, popo.signingKey.poposkInput.publicKeyMAC);
  return ok({ body, judgePossession: (publicKey) => judgeSigned(exchange, message, publicKey, verifyKeyMac), delivery: {} });
}

type PrivateKeyProof = Extract<ProofOfPossession, { kind: 'keyEncipherment' | 'keyAgreement' }>;

/** RFC 9810 section 5.2.8.3: encrCert and challengeResp, where the profile serves them. pvno 3, as EncryptedValue of pvno 2 is not written (row CMP-207). */
function prepareIndirect(exchange: VerifiedExchange, body: RequestBody, popo: PrivateKeyProof): Result<Prepared, Fault> {
  const { possession } = exchange.endpoint.profile.policy.cmp;
  const agreeMac = agreeMacOf(popo.privKey);
  if (agreeMac !== undefined && possession.agreeMac) return prepareAgreed(exchange, body, popo, agreeMac);
  const announced = subsequentMessageOf(popo.privKey);
  const isServed = (announced === 'encrCert' && possession.encryptedCertificate) || (announced === 'challengeResp' && possession.challengeResponse);
  if (!isServed) return fail(fault('possession', 'unsupported'));
  if (exchange.header.pvno < 3) return fail(fault('pvno-3', 'an encrypted certificate or number'));
  const judgePossession: JudgePossession = (publicKey) => {
    const fits = popo.kind === 'keyEncipherment' ? publicKey.type === 'rsa' || publicKey.type === 'ml-kem' : publicKey.type === 'ec';
    return fits ? ok(true) : fail(fault('possession', `${popo.kind} of a key of type ${publicKey.name}`));
  };
  return ok({ body, judgePossession, delivery: announced === 'encrCert' ? { isEncrypted: true } : {} });
}

/**
 * agreeMAC (RFC 4211 section 4.2): a MAC over certReq "which MUST include both subject and publicKey", by a key agreed between the new key and
 * the encryption key of the RA; derived as for DHBasedMac. pvno 3 (RFC 9810 section 7).
 */
function prepareAgreed(exchange: VerifiedExchange, body: RequestBody, popo: PrivateKeyProof, { algId, value }: PkMacValue): Result<Prepared, Fault> {
  const message = onlyMessage(body);
  if (popo.kind !== 'keyAgreement') return fail(fault('possession', 'agreeMAC of a key that does not agree'));
  if (exchange.header.pvno < 3) return fail(fault('pvno-3', 'agreeMAC'));
  const parameters = algId.oid === oids.dhBasedMac ? readDhMacParameters(algId) : fail(algId.oid);
  if (!parameters.ok || message === undefined) return fail(fault('possession', 'agreeMAC by another algorithm'));
  const { certReq } = message;
  if (certReq.certTemplate.subject === undefined) return fail(fault('possession', 'agreeMAC without a subject'));
  const keys = addressedKeys(
    (exchange.endpoint.encryptionKeys ?? []).filter(({ secret }) => secret.kind === 'agreement'),
    exchange.message,
  );
  const judgePossession: JudgePossession = (publicKey) => {
    const isProven = keys.some(({ secret }) => {
      const key = secret.kind === 'agreement' ? dhMacKey(secret.privateKey, publicKey, parameters.value) : undefined;
      return key !== undefined && isDhMac(value, key, parameters.value, certReq.der);
    });
    return isProven ? ok(true) : fail(fault('possession', 'agreeMAC'));
  };
  return ok({ body, judgePossession, delivery: {} });
}

/** RFC 4211 section 4.1: publicKeyMAC stands under the shared secret of the requester, by parameters of its own. */
async function keyMacVerifier({ endpoint, peer, deps, context }: VerifiedExchange, { algId }: PkMacValue): Promise<VerifyKeyMac | undefined> {
  if (peer.kind !== 'mac') return undefined;
  const parameters = readMacParameters(algId, endpoint.profile.policy.cmp);
  const found = await deps.enrolment.findSharedSecret(endpoint.profile, peer.reference);
  if (!parameters.ok || found === undefined) return undefined;
  const key = await deps.macKeys.keyFor(parameters.value, found.secret.reveal(), sourceOf(context.clientIp));
  return (given, publicKey) => isMac(given.value, parameters.value, key, publicKey);
}

function judgeSigned({ header }: VerifiedExchange, message: CertReqMsg, publicKey: PublicKey, verifyKeyMac: VerifyKeyMac | undefined): Result<true, Fault> {
  const proof = verifyPossession(message, publicKey, header.sender, verifyKeyMac);
  return proof.ok ? ok(true) : fail(fault('possession', proof.error));
}
