import { createHash } from 'node:crypto';
import { algorithmIdentifier, type GeneralName } from '../../pkix/index.js';
import type { Result } from '../../runtime/result.js';
import { Cursor, type DerError, der, type Element, encode, guarded, oids } from '../der/index.js';

/** RFC 9810 section 5.2.8.3.3
 *  Rand ::= SEQUENCE {
 *    int     INTEGER,
 *    sender  GeneralName }
 *  `int`: content octets of a positive INTEGER. */
export function encodeRand(int: Buffer, sender: GeneralName): Buffer {
  return encode(der.sequence(der.unsignedInteger(int), sender.der));
}

/**
 * RFC 9810 section 5.2.8.3.3, for one key
 *  POPODecKeyChallContent ::= SEQUENCE OF Challenge
 *  Challenge ::= SEQUENCE {
 *    owf               AlgorithmIdentifier OPTIONAL,
 *    witness           OCTET STRING,
 *    challenge         OCTET STRING,           -- empty beside encryptedRand
 *    encryptedRand [0] EnvelopedData OPTIONAL }
 *  The witness is the hash of the content octets of `int`.
 */
export function encodeDecryptionChallenge(int: Buffer, encryptedRand: Element): Buffer {
  const witness = createHash('sha256').update(int).digest();
  const owf = algorithmIdentifier({ oid: oids.sha256 });
  const challenge = der.sequence(owf, der.octetString(witness), der.octetString(Buffer.alloc(0)), der.explicit(0, encryptedRand));
  return encode(der.sequence(challenge));
}

/** POPODecKeyRespContent ::= SEQUENCE OF INTEGER: the content octets of each. */
export function readDecryptionResponse(content: Buffer): Result<readonly Buffer[], DerError> {
  return guarded(() => {
    const cursor = new Cursor(content);
    const values = cursor.sequence().each((item) => item.integer());
    cursor.end();
    return values;
  });
}

export function encodeDecryptionResponse(values: readonly Buffer[]): Buffer {
  return encode(der.sequence(...values.map((value) => der.unsignedInteger(value))));
}
