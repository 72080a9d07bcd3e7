import { type Certificate, directoryName, emptyName, type GeneralName, type Name, readGeneralName } from '../../pkix/index.js';
import { encodePkiMessage, macProtector, type PkiBody, type PkiHeader, type Protector, signatureProtector } from '../../protocol/cmp/index.js';
import { Cursor, encode } from '../../protocol/der/index.js';
import { randomOctets } from '../../runtime/random.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import type { Peer } from './authenticate.js';
import { withoutSelfSigned } from './without-self-signed.js';

/** A reply before it is protected; `more` holds header fields beyond the usual ones. */
export interface Reply {
  readonly body: PkiBody;
  /** Our senderNonce: 16 fresh random octets unless the session prescribes it. */
  readonly senderNonce?: Buffer;
  readonly more?: Pick<PkiHeader, 'messageTime' | 'generalInfo'>;
  /** ip, cp, kup: the chain of the issued certificate goes along. */
  readonly withChain?: boolean;
  /** Goes out bare, as the two standard messages that may. */
  readonly isUnprotected?: true;
  /** Certificates beside those that belong to the protection. */
  readonly extraCerts?: readonly Buffer[];
}

/** Fresh for every message (RFC 9483 section 3.1). `suffix` travels with it: see `profile-choice`. */
export function freshNonce(suffix = ''): Buffer {
  return suffix === '' ? randomOctets(16) : Buffer.concat([randomOctets(16), Buffer.from(suffix, 'latin1')]);
}

/**
 * Protected the way the request was: by the MAC of the same secret under the same parameters, or by the RA key (RFC 9483 section
 * 4.1.5). A peer that could not be verified gets the RA's signature, or nothing where there is no RA key: never a MAC, with which
 * anyone who knows a reference could test guesses of its secret at home.
 */
export function buildReply(endpoint: CmpEndpoint, request: PkiHeader | undefined, peer: Peer | undefined, reply: Reply): Buffer {
  const { body, senderNonce = freshNonce(), more, withChain = false, isUnprotected = false, extraCerts = [] } = reply;
  const parts = partsOf(endpoint);
  const { sender, protector, certificates } = isUnprotected ? { sender: parts.own.sender, protector: undefined, certificates: [] } : identityFor(peer, parts);
  const header: PkiHeader = {
    pvno: Math.min(3, Math.max(2, request?.pvno ?? 2)),
    sender,
    recipient: request?.sender ?? noName,
    senderNonce,
    ...(request?.transactionID && { transactionID: request.transactionID }),
    ...(request?.senderNonce && { recipNonce: request.senderNonce }),
    ...more,
  };
  const further = withChain || extraCerts.length > 0 ? unique([...certificates, ...(withChain ? parts.issuedChain : []), ...extraCerts]) : certificates;
  return encodePkiMessage({ header, body, extraCerts: further }, protector);
}

/** As whom we answer: under whose name, by which key, with which certificates. */
interface Identity {
  readonly sender: GeneralName;
  readonly protector: Protector | undefined;
  readonly certificates: readonly Buffer[];
}

function identityFor(peer: Peer | undefined, { own }: EndpointParts): Identity {
  if (peer?.answer !== undefined) return { certificates: peer.answer.extraCerts, ...peer.answer };
  if (peer?.kind !== 'mac') return own;
  return { sender: own.sender, protector: macProtector(peer.parameters, peer.key, peer.senderKID), certificates: [] };
}

interface EndpointParts {
  /** The RA by its signing key; by name only while it has none. */
  readonly own: Identity;
  readonly issuedChain: readonly Buffer[];
}

/** Who we are in the headers of this endpoint. */
export function senderOf(endpoint: CmpEndpoint): GeneralName {
  return partsOf(endpoint).own.sender;
}

const asGeneralName = (name: Name): GeneralName => readGeneralName(new Cursor(encode(directoryName(name))));
const noName = asGeneralName(emptyName);
const partsByEndpoint = new WeakMap<CmpEndpoint, EndpointParts>();

/** What all replies of an endpoint share, made once: endpoints are replaced, never changed. */
function partsOf(endpoint: CmpEndpoint): EndpointParts {
  const known = partsByEndpoint.get(endpoint);
  if (known !== undefined) return known;
  const [raKey] = endpoint.raKeys;
  const subject = raKey?.certificate.subject ?? endpoint.caChain[0]?.subject ?? emptyName;
  const parts: EndpointParts = {
    own: {
      sender: asGeneralName(subject),
      protector: raKey && signatureProtector(raKey.signer, raKey.certificate),
      certificates: raKey === undefined ? [] : unique([raKey.certificate.der, ...chainFor(endpoint, raKey.chain)]),
    },
    issuedChain: chainFor(endpoint, endpoint.caChain),
  };
  partsByEndpoint.set(endpoint, parts);
  return parts;
}

/** A base station learns the operator's root from extraCerts of ip (3GPP TS 33.310 clause 9.5.4.3); nobody else needs it there. */
function chainFor(endpoint: CmpEndpoint, chain: readonly Certificate[]): Buffer[] {
  return endpoint.profile.policy.cmp.conduct === '3gpp' ? chain.map((item) => item.der) : withoutSelfSigned(chain);
}

function unique(certificates: readonly Buffer[]): Buffer[] {
  return certificates.filter((item, index) => certificates.findIndex((other) => other.equals(item)) === index);
}
