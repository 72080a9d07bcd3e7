import { type AlgorithmIdentifier, algorithmIdentifier, type GeneralName, readAlgorithmIdentifier, readGeneralName } from '../../pkix/index.js';
import { type Cursor, contextConstructed, contextPrimitive, Cursor as DerCursor, DerError, der, type Element, tag } from '../der/index.js';
import { optionalExplicit } from './optional.js';

/** RFC 4211 section 4
 *  ProofOfPossession ::= CHOICE {
 *    raVerified        [0] NULL,
 *    signature         [1] POPOSigningKey,
 *    keyEncipherment   [2] POPOPrivKey,
 *    keyAgreement      [3] POPOPrivKey }
 *  POPOPrivKey is a CHOICE, so its tags are explicit; its content is kept undecoded: see `private-key-possession`. */
export type ProofOfPossession =
  | { readonly kind: 'raVerified' }
  | { readonly kind: 'signature'; readonly signingKey: PopoSigningKey }
  | { readonly kind: 'keyEncipherment' | 'keyAgreement'; readonly privKey: Buffer };

/** RFC 4211 section 4.1
 *  POPOSigningKey ::= SEQUENCE {
 *    poposkInput           [0] POPOSigningKeyInput OPTIONAL,
 *    algorithmIdentifier   AlgorithmIdentifier,
 *    signature             BIT STRING } */
export interface PopoSigningKey {
  readonly poposkInput?: PopoSigningKeyInput;
  readonly algorithmIdentifier: AlgorithmIdentifier;
  readonly signature: Buffer;
}

/** RFC 4211 section 4.1
 *  POPOSigningKeyInput ::= SEQUENCE {
 *    authInfo  CHOICE {
 *      sender        [0] GeneralName,
 *      publicKeyMAC  PKMACValue },
 *    publicKey  SubjectPublicKeyInfo } */
export interface PopoSigningKeyInput {
  readonly sender?: GeneralName;
  readonly publicKeyMAC?: PkMacValue;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** The SEQUENCE that was signed. */
  readonly der: Buffer;
}

/** RFC 4211 section 4.1: PKMACValue ::= SEQUENCE { algId AlgorithmIdentifier, value BIT STRING } */
export interface PkMacValue {
  readonly algId: AlgorithmIdentifier;
  readonly value: Buffer;
}

export function isProofOfPossession(cursor: Cursor): boolean {
  const next = cursor.peekTag();
  return next === contextPrimitive(0) || (next >= contextConstructed(1) && next <= contextConstructed(3));
}

/** Throws `DerError`. */
export function readProofOfPossession(cursor: Cursor): ProofOfPossession {
  if (cursor.at(contextPrimitive(0))) {
    cursor.null(contextPrimitive(0));
    return { kind: 'raVerified' };
  }
  if (cursor.at(contextConstructed(1))) return { kind: 'signature', signingKey: readPopoSigningKey(cursor.enter(contextConstructed(1))) };
  const kind = cursor.at(contextConstructed(2)) ? 'keyEncipherment' : 'keyAgreement';
  const inside = cursor.enter(contextConstructed(kind === 'keyEncipherment' ? 2 : 3));
  const privKey = inside.element();
  inside.end();
  return { kind, privKey };
}

export function encodeProofOfPossession(popo: ProofOfPossession): Element {
  switch (popo.kind) {
    case 'raVerified':
      return der.implicitPrimitive(0, Buffer.alloc(0));
    case 'signature':
      return encodePopoSigningKey(popo.signingKey);
    case 'keyEncipherment':
      return der.explicit(2, popo.privKey);
    case 'keyAgreement':
      return der.explicit(3, popo.privKey);
  }
}

function readPopoSigningKey(fields: Cursor): PopoSigningKey {
  const poposkInput = fields.at(contextConstructed(0)) ? readPopoSigningKeyInput(fields) : undefined;
  const algorithm = readAlgorithmIdentifier(fields);
  const signature = fields.bitStringOctets();
  fields.end();
  return { algorithmIdentifier: algorithm, signature, ...(poposkInput && { poposkInput }) };
}

function encodePopoSigningKey(key: PopoSigningKey): Element {
  const input = key.poposkInput && der.retagged(contextConstructed(0), key.poposkInput.der);
  return der.constructed(contextConstructed(1), input, algorithmIdentifier(key.algorithmIdentifier), der.bitString(key.signature));
}

function readPopoSigningKeyInput(cursor: Cursor): PopoSigningKeyInput {
  const offset = cursor.position;
  const whole = der.retagged(tag.sequence, cursor.element());
  const fields = new DerCursor(whole).sequence();
  const sender = optionalExplicit(fields, 0, readGeneralName);
  const publicKeyMAC = sender === undefined ? readPkMacFields(fields.sequence()) : undefined;
  const publicKey = fields.elementOf(tag.sequence);
  fields.end();
  if (sender === undefined && publicKeyMAC === undefined) throw new DerError('bad-value', offset, 'authInfo.');
  return { publicKey, der: whole, ...(sender && { sender }), ...(publicKeyMAC && { publicKeyMAC }) };
}

/** Throws `DerError`; `fields`: what is inside the SEQUENCE, which may have a tag of its own. */
export function readPkMacFields(fields: Cursor): PkMacValue {
  const algId = readAlgorithmIdentifier(fields);
  const value = fields.bitStringOctets();
  fields.end();
  return { algId, value };
}

/** As `encodePopoSigningKeyInput` for a sender that has a shared secret and no name yet. */
export function encodeMacPopoSigningKeyInput(publicKeyMAC: PkMacValue, publicKey: Buffer): Element {
  return der.sequence(der.sequence(algorithmIdentifier(publicKeyMAC.algId), der.bitString(publicKeyMAC.value)), publicKey);
}

/** The signed input of a template without a subject: who asks, by name, and for which key. */
export function encodePopoSigningKeyInput(sender: GeneralName, publicKey: Buffer): Element {
  return der.sequence(der.explicit(0, sender.der), publicKey);
}
