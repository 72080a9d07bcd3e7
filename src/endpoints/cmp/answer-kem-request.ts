import { refusals } from '../../enrolment/refusal.js';
import { parseCertificate } from '../../pkix/index.js';
import { decodePkiBody, kemCiphertextItem, type PkiMessage } from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import { mayDecapsulate } from './authenticate.js';
import type { CheckedHeader } from './check-header.js';
import { type CmpReply, type Exchange, errorBody, refuse, send } from './exchange.js';
import { fault } from './fault.js';
import { encapsulateFor } from './kem-secret.js';
import { failInfoOf } from './translate.js';

/**
 * The one unprotected message that is answered (RFC 9483 section 3.5): a genm that asks for a KemCiphertextInfo, with the ML-KEM certificate
 * in extraCerts that will protect the messages to come. That certificate must be one the profile knows; the answer is unprotected too (RFC
 * 9810 appendix E), proves nothing and gives nothing away but to the holder of the key.
 */
export async function answerKemRequest(exchange: Exchange & { readonly message: PkiMessage }, header: CheckedHeader): Promise<CmpReply> {
  const { endpoint, message, deps } = exchange;
  const certificate = parseCertificate(message.extraCerts[0] ?? Buffer.alloc(0));
  const [raKey] = endpoint.raKeys;
  if (!isKemRequest(message) || !certificate.ok || raKey === undefined || !mayDecapsulate(certificate.value)) {
    return refuse(exchange, undefined, fault('unprotected'));
  }
  const others = message.extraCerts.slice(1).map(parseCertificate);
  const signer = { certificate: certificate.value, others: others.flatMap((item) => (item.ok ? [item.value] : [])) };
  const known = await deps.enrolment.recognise(endpoint.profile, { signer });
  if (!known.ok) return send(exchange, undefined, { body: errorBody(failInfoOf[known.error.code], refusals[known.error.code]) });
  const { publicKey } = certificate.value;
  const { cipherText } = encapsulateFor(endpoint, raKey.privateKey, header.transactionID, publicKey);
  return send(exchange, undefined, { body: { type: 'genp', items: [kemCiphertextItem(publicKey.algorithm.oid, cipherText)] }, isUnprotected: true });
}

function isKemRequest(message: PkiMessage): boolean {
  const body = decodePkiBody(message);
  if (!body.ok || body.value.type !== 'genm') return false;
  const [item, ...further] = body.value.items;
  return item?.infoType === oids.kemCiphertextInfo && item.infoValue === undefined && further.length === 0;
}
