import { parseCertificate } from '../../pkix/index.js';
import { decodePkiBody, kemCiphertextItem, type PkiMessage } from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import { mayDecapsulate } from './authenticate.js';
import type { CheckedHeader } from './check-header.js';
import { type CmpReply, type Exchange, refuse, send } from './exchange.js';
import { fault } from './fault.js';
import { encapsulateFor } from './kem-secret.js';

/**
 * The one unprotected message that is answered (RFC 9483 section 3.5): a genm that asks for a KemCiphertextInfo, with the ML-KEM certificate
 * in extraCerts that will protect the messages to come. The answer proves nothing and gives nothing away but to the holder of the key.
 */
export function answerKemRequest(exchange: Exchange & { readonly message: PkiMessage }, header: CheckedHeader): CmpReply {
  const { endpoint, message } = exchange;
  const certificate = parseCertificate(message.extraCerts[0] ?? Buffer.alloc(0));
  const [raKey] = endpoint.raKeys;
  if (!isKemRequest(message) || !certificate.ok || raKey === undefined || !mayDecapsulate(certificate.value)) {
    return refuse(exchange, undefined, fault('unprotected'));
  }
  const { publicKey } = certificate.value;
  const { cipherText } = encapsulateFor(endpoint, raKey.privateKey, header.transactionID, publicKey);
  return send(exchange, undefined, { body: { type: 'genp', items: [kemCiphertextItem(publicKey.algorithm.oid, cipherText)] } });
}

function isKemRequest(message: PkiMessage): boolean {
  const body = decodePkiBody(message);
  if (!body.ok || body.value.type !== 'genm') return false;
  const [item, ...further] = body.value.items;
  return item?.infoType === oids.kemCiphertextInfo && item.infoValue === undefined && further.length === 0;
}
