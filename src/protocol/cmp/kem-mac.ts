import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { type AlgorithmIdentifier, algorithmIdentifier, hasNoParameters, readAlgorithmIdentifier } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Cursor, der, encode, guarded, oids } from '../der/index.js';
import type { InfoTypeAndValue } from './general-info.js';
import { type PkiMessage, protectedPart } from './message.js';
import { optionalExplicit } from './optional.js';
import { encodeFreeText } from './status.js';

const digests = { [oids.hmacSha256]: 'sha256', [oids.hmacSha384]: 'sha384', [oids.hmacSha512]: 'sha512' } as const;

/** RFC 9810 section 5.1.3.4
 *  KemBMParameter ::= SEQUENCE {
 *    kdf             AlgorithmIdentifier{KEY-DERIVATION, {...}},
 *    kemContext  [0] OCTET STRING OPTIONAL,
 *    len             INTEGER (1..MAX),
 *    mac             AlgorithmIdentifier{MAC-ALGORITHM, {...}} } */
export interface KemMacParameters {
  readonly kemContext?: Buffer;
  /** Of the MAC key, octets. */
  readonly len: number;
  readonly mac: 'sha256' | 'sha384' | 'sha512';
}

/** HKDF with SHA-256 and HMAC with SHA-256 or better; the failure says what else was wanted. */
export function readKemMacParameters({ parameters }: AlgorithmIdentifier): Result<KemMacParameters, string> {
  const read = guarded(() => {
    const cursor = new Cursor(parameters ?? Buffer.alloc(0));
    const fields = cursor.sequence();
    const kdf = readAlgorithmIdentifier(fields);
    const kemContext = optionalExplicit(fields, 0, (inside) => inside.octetString());
    const len = fields.smallInteger();
    const mac = readAlgorithmIdentifier(fields);
    fields.end();
    cursor.end();
    return { kdf, kemContext, len, mac };
  });
  if (!read.ok) return fail(read.error.message);
  const { kdf, kemContext, len, mac } = read.value;
  const digest = hasNoParameters(mac) ? digests[mac.oid as keyof typeof digests] : undefined;
  if (kdf.oid !== oids.hkdfWithSha256 || kdf.parameters !== undefined) return fail(`kdf ${kdf.oid}`);
  if (digest === undefined) return fail(`mac ${mac.oid}`);
  return len >= 16 && len <= 64 ? ok({ len, mac: digest, ...(kemContext && { kemContext }) }) : fail(`len ${len}`);
}

export function kemMacAlgorithm({ kemContext, len, mac }: KemMacParameters): AlgorithmIdentifier {
  const oid = Object.entries(digests).find(([, digest]) => digest === mac)?.[0] ?? oids.hmacSha256;
  const context = kemContext && der.explicit(0, der.octetString(kemContext));
  const parameters = der.sequence(algorithmIdentifier({ oid: oids.hkdfWithSha256 }), context, der.integer(len), algorithmIdentifier({ oid }));
  return { oid: oids.kemBasedMac, parameters: encode(parameters) };
}

const staticString = encodeFreeText(['CMP-KEM']);

/** RFC 9810 section 5.1.3.4
 *  KemOtherInfo ::= SEQUENCE {
 *    staticString      PKIFreeText,  -- "CMP-KEM"
 *    transactionID     OCTET STRING,
 *    kemContext    [0] OCTET STRING OPTIONAL }
 *  ssk = KDF(ss, len, DER of KemOtherInfo) */
export function kemMacKey(sharedSecret: Buffer, transactionID: Buffer, { kemContext, len }: KemMacParameters): Buffer {
  const otherInfo = encode(der.sequence(staticString, der.octetString(transactionID), kemContext && der.explicit(0, der.octetString(kemContext))));
  return Buffer.from(hkdfSync('sha256', sharedSecret, Buffer.alloc(0), otherInfo, len));
}

export function kemMac(key: Buffer, { mac }: KemMacParameters, part: Buffer): Buffer {
  return createHmac(mac, key).update(part).digest();
}

/** Over the received octets, in constant time. */
export function verifyKemMac(message: PkiMessage, parameters: KemMacParameters, key: Buffer): boolean {
  const expected = kemMac(key, parameters, protectedPart(message.headerDer, message.bodyDer));
  return message.protection?.length === expected.length && timingSafeEqual(message.protection, expected);
}

export interface KemCiphertext {
  /** The algorithm's OID. */
  readonly kem: string;
  readonly ct: Buffer;
}

/** The KemCiphertextInfo in an item; undefined where it holds something else. */
export function kemCiphertextOf({ infoValue }: InfoTypeAndValue): KemCiphertext | undefined {
  const read = guarded(() => {
    const cursor = new Cursor(infoValue ?? Buffer.alloc(0));
    const fields = cursor.sequence();
    const { oid: kem } = readAlgorithmIdentifier(fields);
    const ct = fields.octetString();
    fields.end();
    cursor.end();
    return { kem, ct };
  });
  return read.ok ? read.value : undefined;
}

/** RFC 9810 section 5.1.1.5: KemCiphertextInfo ::= SEQUENCE { kem AlgorithmIdentifier, ct OCTET STRING } */
export function kemCiphertextItem(kem: string, ct: Buffer): InfoTypeAndValue {
  return { infoType: oids.kemCiphertextInfo, infoValue: encode(der.sequence(algorithmIdentifier({ oid: kem }), der.octetString(ct))) };
}
