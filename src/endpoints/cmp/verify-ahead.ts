import { type Certificate, parseCertificate, parsePublicKey, subjectKeyIdentifierOf, verifyMlDsaAhead } from '../../pkix/index.js';
import { decodePkiBody, type PkiMessage, protectedPart } from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import { createTurns } from '../../runtime/turns.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import type { CmpDeps, Exchange } from './exchange.js';
import { signerKey } from './signer-memory.js';
import { sourceOf } from './source-of.js';

/** What the OIDs of ML-DSA have in common: 2.16.840.1.101.3.4.3. */
const commonOctets = Buffer.from('6086480165030403', 'hex');
const sets: ReadonlySet<string> = new Set([oids.mlDsa44, oids.mlDsa65, oids.mlDsa87]);

/** False for nearly all messages, at the price of a look at the header. */
export function hasMlDsa({ header, bodyDer }: PkiMessage, { policy }: CmpEndpoint['profile']): boolean {
  if (header.protectionAlg !== undefined && sets.has(header.protectionAlg.oid)) return true;
  return policy.keys.postQuantum && bodyDer.includes(commonOctets);
}

/**
 * Verifies the ML-DSA signatures of a message on another thread before anything looks at them: of its protection and its proofs of
 * possession. One takes as long as a dozen ordinary messages, and a hostile message holds many. What each proves is decided by those who ask
 * later; the chain of the signer is searched in turns anyway. Rejects with `Busy` when too many wait, of this source or of all.
 */
export function verifyMlDsaOf(message: PkiMessage, { endpoint, deps, context }: Exchange): Promise<void> {
  return turns.run(sourceOf(context.clientIp), async () => {
    if (await isProtected(message, endpoint, deps)) await verifyPossessions(message, endpoint);
  });
}

/** One source leaves places for the others, also where it sends twenty proofs in each of its messages. */
const turns = createTurns({ atOnce: 4, waiting: 128, perSource: 32 }, 'Too many messages with ML-DSA signatures wait.');

/** As authentication takes it: the one that senderKID names, else the first; later messages may leave it out. */
function signerOf({ header, extraCerts }: PkiMessage, endpoint: CmpEndpoint, deps: CmpDeps): Certificate | undefined {
  const certificates = extraCerts.map(parseCertificate).flatMap((item) => (item.ok ? [item.value] : []));
  const { senderKID, transactionID } = header;
  const named = senderKID && certificates.find((item) => subjectKeyIdentifierOf(item.extensions)?.equals(senderKID));
  return named ?? certificates[0] ?? (transactionID && deps.signers.recall(signerKey(endpoint.profile.id, transactionID)));
}

/** False for a message that will be refused anyway, whose other signatures need nobody's time. */
async function isProtected(message: PkiMessage, endpoint: CmpEndpoint, deps: CmpDeps): Promise<boolean> {
  const { header, headerDer, bodyDer, protection } = message;
  const oid = header.protectionAlg?.oid ?? '';
  if (!sets.has(oid)) return true;
  const publicKey = signerOf(message, endpoint, deps)?.publicKey;
  if (!endpoint.profile.policy.cmp.signatures.includes('ml-dsa') || publicKey?.algorithm.oid !== oid || protection === undefined) return false;
  return verifyMlDsaAhead({ oid, publicKey: publicKey.bits, data: protectedPart(headerDer, bodyDer), signature: protection });
}

/** Of certReq by the key in it, and of a PKCS#10. */
async function verifyPossessions(message: PkiMessage, { profile }: CmpEndpoint): Promise<void> {
  const body = profile.policy.keys.postQuantum ? decodePkiBody(message) : undefined;
  if (body?.ok !== true) return;
  if (body.value.type === 'p10cr') {
    const { publicKey, signatureAlgorithm, info, signature } = body.value.csr;
    if (sets.has(signatureAlgorithm.oid)) await verifyMlDsaAhead({ oid: signatureAlgorithm.oid, publicKey: publicKey.bits, data: info, signature });
    return;
  }
  if (!('messages' in body.value)) return;
  for (const { certReq, popo } of body.value.messages.slice(0, 20)) {
    const oid = popo?.kind === 'signature' ? popo.signingKey.algorithmIdentifier.oid : '';
    const key = sets.has(oid) ? parsePublicKey(certReq.certTemplate.publicKey ?? Buffer.alloc(0)) : undefined;
    if (popo?.kind !== 'signature' || key?.ok !== true || key.value.algorithm.oid !== oid) continue;
    const data = popo.signingKey.poposkInput?.der ?? certReq.der;
    await verifyMlDsaAhead({ oid, publicKey: key.value.bits, data, signature: popo.signingKey.signature });
  }
}
