import { Cursor, guarded, tag } from '../../src/protocol/der/index.js';
import type { ScepRequest } from '../../src/protocol/scep/index.js';
import type { Oracle } from './oracle.js';
import {
  attributeOrders,
  inDer,
  keyOnlyForm,
  plainForm,
  type Unread,
  type UnreadPart,
  unreadAttributes,
  unreadOf,
  unreadParts,
  withoutUnreadValues,
} from './plain-form.js';

/** Why a message may be accepted here that OpenSSL refuses. Everything else is a finding. */
export const exceptions = {
  form: 'The same message in DER is accepted: OpenSSL stumbles over a form of BER that our gateway reads.',
  order: 'Signed in DER order and sent in another one. RFC 5652 §5.4 signs the DER encoding; OpenSSL verifies the order it receives.',
  version: 'A version number that is out of range. Nothing depends on it.',
  digestAlgorithms: "The list lacks the signer's digest or is malformed. It is a hint for readers of one pass (RFC 5652 §5.1); the signer names its own.",
  certificates: "A certificate beside the signer's that OpenSSL cannot read. It is left unread here until a chain is wanted, and proves nothing by itself.",
  crls: 'A CRL that OpenSSL cannot read. CRLs of a request are not used.',
  signerVersion: 'A version number that is out of range. Nothing depends on it.',
  unsignedAttributes: 'An unsigned attribute that OpenSSL cannot read. They are not used.',
  signerCertificate:
    "A name or an extension in the signer's certificate that OpenSSL cannot read. Only its key is believed; what it may do is decided by its exact bytes.",
  attribute:
    'A signed attribute that nobody reads here holds a value that OpenSSL cannot decode, such as an empty OBJECT IDENTIFIER, or writes anew before it verifies: a BIT STRING with padding bits set.',
  several: 'More than one of these parts.',
} as const satisfies Record<UnreadPart | 'form' | 'order' | 'signerCertificate' | 'attribute' | 'several', string>;
export type Exception = keyof typeof exceptions;

/**
 * Which exception a message is that we accept and OpenSSL refuses: OpenSSL must accept it in DER, or must verify what we act upon
 * once the parts we leave unread are taken away, and those that cannot stay are named. Undefined: a finding.
 */
export async function exceptionOf(message: Buffer, request: ScepRequest, oracle: Oracle): Promise<Exception | undefined> {
  const accepts = async (bytes: Buffer) => (await oracle.verify(bytes)).isAccepted;
  const normal = inDer(message);
  if (await accepts(normal)) return 'form';
  const [received, sorted] = attributeOrders(request);
  const unread = unreadOf(normal);
  if (sorted !== undefined && (await accepts(plainForm(request, sorted, unread)))) return 'order';
  const orders = sorted === undefined ? [received] : [received, sorted];
  for (const attributes of orders) {
    if (!(await accepts(plainForm(request, attributes, {})))) continue;
    const culprits: UnreadPart[] = [];
    for (const part of unreadParts) if (!(await accepts(plainForm(request, attributes, only(unread, part))))) culprits.push(part);
    return culprits.length === 1 ? culprits[0] : 'several';
  }
  for (const attributes of orders) if (await accepts(keyOnlyForm(request, attributes))) return 'signerCertificate';
  return hasPaddedBits(request) || (await isReadWithout(request, oracle)) ? 'attribute' : undefined;
}

/**
 * Whether a BIT STRING in an attribute nobody reads has padding bits set, which DER forbids (X.690 section 11.2.1). OpenSSL clears them, and so
 * verifies the signature over other octets than were signed; over those received it verifies, or it would not have been accepted here.
 */
function hasPaddedBits(request: ScepRequest): boolean {
  const values = unreadAttributes(request).flatMap((attribute) => attribute.values);
  return values.some((value) => {
    if (value[0] !== tag.bitString) return false;
    const read = guarded(() => new Cursor(value).bitString());
    return !read.ok && read.error.fault === 'bad-value';
  });
}

/** Whether OpenSSL reads the message without the values of unread attributes, and then misses nothing but their signature. */
async function isReadWithout(request: ScepRequest, oracle: Oracle): Promise<boolean> {
  const { reason } = await oracle.verify(plainForm(request, withoutUnreadValues(request), {}));
  const [received] = attributeOrders(request);
  const before = await oracle.verify(plainForm(request, received, {}));
  return reason === signatureMissing && before.reason !== signatureMissing;
}

const signatureMissing = 'verification failure';

function only(unread: Unread, part: UnreadPart): Unread {
  const element = unread[part];
  return element === undefined ? {} : { [part]: element };
}
