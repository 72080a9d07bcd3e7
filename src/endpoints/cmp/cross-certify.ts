import { refusals } from '../../enrolment/refusal.js';
import { parsePublicKey } from '../../pkix/index.js';
import { type CertReqMsg, type PkiBody, type PkiStatusInfo, verifyPossession } from '../../protocol/cmp/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { CheckedRequest } from './check-request.js';
import { type CmpReply, refuse, send, type VerifiedExchange } from './exchange.js';
import { type Fault, fault, situations } from './fault.js';
import { freshNonce } from './reply.js';
import { failInfoOf, toEnrolmentRequest } from './translate.js';

/** ccr (RFC 9810 section 5.3.11): another CA asks for a certificate for its own key; served where the policy names such CAs. */
export async function crossCertify(exchange: VerifiedExchange, messages: readonly CertReqMsg[]): Promise<CmpReply> {
  const { endpoint, peer, header, deps } = exchange;
  if (endpoint.profile.policy.cmp.crossCertification.authorities.length === 0) return refuse(exchange, peer, fault('body-type', 'ccr'));
  if (peer.kind === 'mac') return refuse(exchange, peer, fault('protection-kind', 'ccr'));
  const checked = checkMessage(messages, exchange);
  if (!checked.ok) {
    const { failInfo, says } = situations[checked.error.situation];
    return send(exchange, peer, { body: ccp({ status: 'rejection', statusString: [says], failInfo: [failInfo] }) });
  }
  const session = { type: 'cr', pvno: header.pvno, certReqId: 0, protection: peer.kind, implicitConfirm: true, nonce: freshNonce(), polls: 0 } as const;
  const request = toEnrolmentRequest(exchange, checked.value, { ...session, requestNonce: header.senderNonce });
  const outcome = await deps.enrolment.crossCertify(endpoint.profile, { ...request, session: { ...request.session, type: 'ccr' } });
  if (outcome.kind === 'issued') {
    const body = ccp({ status: outcome.isModified ? 'grantedWithMods' : 'accepted' }, outcome.certificate);
    return send(exchange, peer, { body, withChain: true }, { orderId: outcome.orderId, isConfirmed: true });
  }
  const code = outcome.kind === 'refused' ? outcome.refusal.code : 'unavailable';
  return send(exchange, peer, { body: ccp({ status: 'rejection', statusString: [refusals[code]], failInfo: [failInfoOf[code]] }) });
}

function ccp(status: PkiStatusInfo, certificate?: Buffer): PkiBody {
  return { type: 'ccp', content: { response: [{ certReqId: 0, status, ...(certificate && { certifiedKeyPair: { certificate } }) }] } };
}

/** One request, with name and key of the CA, and the proof that it has the key (RFC 9810 appendix D.6). */
function checkMessage(messages: readonly CertReqMsg[], { header }: VerifiedExchange): Result<CheckedRequest, Fault> {
  const [message, ...further] = messages;
  if (message === undefined || further.length > 0) return fail(fault('several-requests', String(messages.length)));
  const { certReqId, certTemplate } = message.certReq;
  if (certReqId !== 0) return fail(fault('cert-req-id', String(certReqId)));
  const { subject, publicKey: spki, validity } = certTemplate;
  if (subject === undefined) return fail(fault('template-subject'));
  const publicKey = spki === undefined ? undefined : parsePublicKey(spki);
  if (publicKey?.ok !== true) return fail(fault('template-key'));
  const proof = verifyPossession(message, publicKey.value, header.sender);
  if (!proof.ok) return fail(fault('possession', proof.error));
  return ok({ publicKey: publicKey.value, subject, extensions: [], ...(validity?.notAfter && { notAfter: validity.notAfter }) });
}
