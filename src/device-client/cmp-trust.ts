import { buildChain, type Certificate, parseCertificate } from '../pkix/index.js';
import { type MacKeys, type PkiMessage, protectionKindOf, readMacParameters, verifyMac, verifySigned } from '../protocol/cmp/index.js';
import type { CmpCredential } from './cmp-messages.js';

/** What verifies the answers of a server. */
export interface Trust {
  readonly credential: CmpCredential;
  readonly keys: MacKeys;
  /** Whom signed answers must chain to. */
  readonly anchors: readonly Certificate[];
}

const bounds = { hmacSha1: true, minIterations: 100, maxIterations: 100_000 };

/** The MAC of our secret, or a signature that chains to a trusted certificate: the same kind of protection as ours (RFC 9483 section 3.2). */
export async function isTrustworthy({ credential, keys, anchors }: Trust, message: PkiMessage): Promise<boolean> {
  const { protectionAlg } = message.header;
  if (protectionAlg === undefined || message.protection === undefined) return false;
  if (credential.kind !== 'secret') return protectionKindOf(protectionAlg) === 'signature' && isSignedByTrusted(message, anchors);
  const parameters = readMacParameters(protectionAlg, bounds);
  return parameters.ok && verifyMac(message, parameters.value, await keys.keyFor(parameters.value, credential.secret));
}

export function isSignedByTrusted(message: PkiMessage, anchors: readonly Certificate[]): boolean {
  const certificates = message.extraCerts.map(parseCertificate).flatMap((item) => (item.ok ? [item.value] : []));
  const [leaf, ...intermediates] = certificates;
  if (leaf === undefined || !verifySigned(message, leaf.publicKey).ok) return false;
  return buildChain({ leaf, intermediates, anchors, at: new Date() }).ok;
}
