import { createHmac, diffieHellman, hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import { type AlgorithmIdentifier, algorithmIdentifier, hasNoParameters, type PublicKey, readAlgorithmIdentifier } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Cursor, der, encode, guarded, oids } from '../der/index.js';
import { type PkiMessage, type Protector, protectedPart } from './message.js';

const digests = { [oids.sha256]: 'sha256', [oids.sha384]: 'sha384', [oids.sha512]: 'sha512' } as const;
const hmacs = { [oids.hmacSha256]: 'sha256', [oids.hmacSha384]: 'sha384', [oids.hmacSha512]: 'sha512' } as const;
type Digest = (typeof hmacs)[keyof typeof hmacs];

/** RFC 9810 section 5.1.3.2
 *  DHBMParameter ::= SEQUENCE {
 *    owf  AlgorithmIdentifier{DIGEST-ALGORITHM, {...}},
 *    mac  AlgorithmIdentifier{MAC-ALGORITHM, {...}} } */
export interface DhMacParameters {
  readonly owf: Digest;
  /** The digest of the HMAC. */
  readonly mac: Digest;
}

/** SHA-256 or better for both; the failure says what else was wanted. */
export function readDhMacParameters({ parameters }: AlgorithmIdentifier): Result<DhMacParameters, string> {
  const read = guarded(() => {
    const cursor = new Cursor(parameters ?? Buffer.alloc(0));
    const fields = cursor.sequence();
    const [owf, mac] = [readAlgorithmIdentifier(fields), readAlgorithmIdentifier(fields)];
    fields.end();
    cursor.end();
    return { owf, mac };
  });
  if (!read.ok) return fail(read.error.message);
  const owf = hasNoParameters(read.value.owf) ? digests[read.value.owf.oid as keyof typeof digests] : undefined;
  const mac = hasNoParameters(read.value.mac) ? hmacs[read.value.mac.oid as keyof typeof hmacs] : undefined;
  if (owf === undefined) return fail(`owf ${read.value.owf.oid}`);
  return mac === undefined ? fail(`mac ${read.value.mac.oid}`) : ok({ owf, mac });
}

export function dhMacAlgorithm({ owf, mac }: DhMacParameters): AlgorithmIdentifier {
  const oidOf = (names: Readonly<Record<string, string>>, name: string) => Object.entries(names).find(([, value]) => value === name)?.[0] ?? '';
  const parameters = der.sequence(algorithmIdentifier({ oid: oidOf(digests, owf) }), algorithmIdentifier({ oid: oidOf(hmacs, mac) }));
  return { oid: oids.dhBasedMac, parameters: encode(parameters) };
}

/**
 * The key of DHBasedMac: "OWF is applied to the result of the Diffie-Hellman computation"; HMAC takes the whole result (BASEKEY), so that its
 * expansion is never needed. Undefined where the two keys are no EC keys of one curve.
 */
export function dhMacKey(privateKey: KeyObject, publicKey: PublicKey, { owf }: DhMacParameters): Buffer | undefined {
  const key = publicKey.type === 'ec' ? publicKey.keyObject() : undefined;
  if (key?.ok !== true || privateKey.asymmetricKeyDetails?.namedCurve !== key.value.asymmetricKeyDetails?.namedCurve) return undefined;
  return hash(owf, diffieHellman({ privateKey, publicKey: key.value }), 'buffer');
}

export function dhMac(key: Buffer, { mac }: DhMacParameters, data: Buffer): Buffer {
  return createHmac(mac, key).update(data).digest();
}

/** Whether `value` is the MAC of `data`; in constant time. */
export function isDhMac(value: Buffer, key: Buffer, parameters: DhMacParameters, data: Buffer): boolean {
  const expected = dhMac(key, parameters, data);
  return value.length === expected.length && timingSafeEqual(value, expected);
}

/** Over the received octets. */
export function verifyDhMac(message: PkiMessage, key: Buffer, parameters: DhMacParameters): boolean {
  return message.protection !== undefined && isDhMac(message.protection, key, parameters, protectedPart(message.headerDer, message.bodyDer));
}

/** Protects with an agreed key; `senderKID`: of our certificate, `recipKID`: of the one the key was agreed with. */
export function dhMacProtector(key: Buffer, parameters: DhMacParameters, kids: Pick<Protector['header'], 'senderKID' | 'recipKID'>): Protector {
  return { header: { protectionAlg: dhMacAlgorithm(parameters), ...kids }, protect: (part) => dhMac(key, parameters, part) };
}
