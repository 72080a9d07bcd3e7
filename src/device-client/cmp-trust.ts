import { buildChain, type Certificate, parseCertificate } from '../pkix/index.js';
import {
  dhMacKey,
  kemMacKey,
  type MacKeys,
  type PkiMessage,
  protectionKindOf,
  readDhMacParameters,
  readKemMacParameters,
  readMacParameters,
  verifyDhMac,
  verifyKemMac,
  verifyMac,
  verifySigned,
} from '../protocol/cmp/index.js';
import { oids } from '../protocol/der/index.js';
import type { AgreementCredential, CmpCredential, ServerEncapsulation } from './cmp-messages.js';

/** What verifies the answers of a server. */
export interface Trust {
  readonly credential: CmpCredential;
  /** Where we encapsulated a secret for the server, nothing but that secret proves an answer. */
  readonly encapsulation?: ServerEncapsulation;
  readonly keys: MacKeys;
  /** Whom signed answers must chain to. */
  readonly anchors: readonly Certificate[];
}

const bounds = { hmacSha1: true, minIterations: 100, maxIterations: 100_000 };

/** The MAC of our secret, or a signature that chains to a trusted certificate: the same kind of protection as ours (RFC 9483 section 3.2). */
export async function isTrustworthy({ credential, encapsulation, keys, anchors }: Trust, message: PkiMessage): Promise<boolean> {
  const { protectionAlg } = message.header;
  if (protectionAlg === undefined || message.protection === undefined) return false;
  if (encapsulation !== undefined) return isByKem(message, encapsulation);
  if (credential.kind === 'agreement') return isAgreed(message, credential);
  if (credential.kind !== 'secret') return protectionKindOf(protectionAlg) === 'signature' && isSignedByTrusted(message, anchors);
  const parameters = readMacParameters(protectionAlg, bounds);
  return parameters.ok && verifyMac(message, parameters.value, await keys.keyFor(parameters.value, credential.secret));
}

/** KemBasedMac by the secret that only the holder of the KEM key has. */
function isByKem(message: PkiMessage, { sharedSecret }: ServerEncapsulation): boolean {
  const { protectionAlg, transactionID } = message.header;
  const parameters = protectionAlg?.oid === oids.kemBasedMac ? readKemMacParameters(protectionAlg) : undefined;
  if (parameters?.ok !== true || transactionID === undefined) return false;
  return verifyKemMac(message, parameters.value, kemMacKey(sharedSecret, transactionID, parameters.value));
}

function isAgreed(message: PkiMessage, { privateKey, agreeWith }: AgreementCredential): boolean {
  const { protectionAlg } = message.header;
  const parameters = protectionAlg?.oid === oids.dhBasedMac ? readDhMacParameters(protectionAlg) : undefined;
  const key = parameters?.ok === true ? dhMacKey(privateKey, agreeWith.publicKey, parameters.value) : undefined;
  return parameters?.ok === true && key !== undefined && verifyDhMac(message, key, parameters.value);
}

export function isSignedByTrusted(message: PkiMessage, anchors: readonly Certificate[]): boolean {
  const certificates = message.extraCerts.map(parseCertificate).flatMap((item) => (item.ok ? [item.value] : []));
  const [leaf, ...intermediates] = certificates;
  if (leaf === undefined || !verifySigned(message, leaf.publicKey).ok) return false;
  return buildChain({ leaf, intermediates, anchors, at: new Date() }).ok;
}
