import { type AlgorithmIdentifier, algorithmIdentifier, hasNoParameters, readAlgorithmIdentifier } from '../../pkix/index.js';
import { randomOctets } from '../../runtime/random.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { type Cursor, Cursor as DerCursor, der, type Element, encode, guarded, oids, tag } from '../der/index.js';
import { type Gmac, gmacAlgorithm, gmacKeyOctets, isGmac, readGmac } from './gmac.js';

export type MacDigest = 'sha1' | 'sha256' | 'sha384' | 'sha512';
/** One-way functions of PasswordBasedMac: SHA-256 or better (RFC 9045 section 4). */
export type OneWayFunction = 'sha256' | 'sha384' | 'sha512';

/** RFC 4211 section 4.4
 *  PBMParameter ::= SEQUENCE {
 *    salt            OCTET STRING,
 *    owf             AlgorithmIdentifier,
 *    iterationCount  INTEGER,
 *    mac             AlgorithmIdentifier } */
export interface PbmParameters {
  readonly kind: 'pbm';
  readonly salt: Buffer;
  readonly owf: OneWayFunction;
  readonly iterationCount: number;
  /** The digest of the HMAC, or a GMAC. */
  readonly mac: MacDigest | Gmac;
  /** Of a GMAC. */
  readonly nonce?: Buffer;
  /** As received, or as built: a reply repeats it (RFC 9810 section 5.1.3.1). */
  readonly algorithm: AlgorithmIdentifier;
}

/** RFC 8018 section A.5 and A.2
 *  PBMAC1-params ::= SEQUENCE {
 *    keyDerivationFunc  AlgorithmIdentifier,
 *    messageAuthScheme  AlgorithmIdentifier }
 *  PBKDF2-params ::= SEQUENCE {
 *    salt CHOICE { specified OCTET STRING, otherSource AlgorithmIdentifier },
 *    iterationCount  INTEGER (1..MAX),
 *    keyLength       INTEGER (1..MAX) OPTIONAL,
 *    prf             AlgorithmIdentifier DEFAULT algid-hmacWithSHA1 } */
export interface Pbmac1Parameters {
  readonly kind: 'pbmac1';
  readonly salt: Buffer;
  readonly iterationCount: number;
  /** octets */
  readonly keyLength: number;
  readonly prf: MacDigest;
  readonly mac: MacDigest | Gmac;
  /** Of a GMAC. */
  readonly nonce?: Buffer;
  readonly algorithm: AlgorithmIdentifier;
}

export type MacParameters = PbmParameters | Pbmac1Parameters;

/** What a client may make the server compute. */
export interface MacBounds {
  readonly hmacSha1: boolean;
  readonly minIterations: number;
  readonly maxIterations: number;
}

const saltOctets = { min: 8, max: 128 };
const keyOctets = { min: 16, max: 128 };
const pbkdf2Iterations = { min: 1_000, max: 100_000 };

const oneWayFunctions: Readonly<Record<string, OneWayFunction>> = { [oids.sha256]: 'sha256', [oids.sha384]: 'sha384', [oids.sha512]: 'sha512' };
const hmacs: Readonly<Record<string, MacDigest>> = {
  [oids.hmacSha1]: 'sha1',
  [oids.hmacSha1Ipsec]: 'sha1',
  [oids.hmacSha256]: 'sha256',
  [oids.hmacSha384]: 'sha384',
  [oids.hmacSha512]: 'sha512',
};

export function isMacAlgorithm(algorithm: AlgorithmIdentifier): boolean {
  return algorithm.oid === oids.passwordBasedMac || algorithm.oid === oids.pbmac1;
}

/**
 * The parameters of a password-based MAC, every bound checked before anything is derived: a client names the work it wants
 * done (RFC 9810 appendix F). The failure says which bound, for the operator; the device learns badAlg.
 */
export function readMacParameters(algorithm: AlgorithmIdentifier, bounds: MacBounds): Result<MacParameters, string> {
  const { parameters } = algorithm;
  if (parameters === undefined) return fail('no parameters');
  const read = guarded(() => {
    const cursor = new DerCursor(parameters);
    const value = algorithm.oid === oids.pbmac1 ? readPbmac1(cursor, algorithm) : readPbm(cursor, algorithm);
    cursor.end();
    return value;
  });
  if (!read.ok) return fail(read.error.message);
  return typeof read.value === 'string' ? fail(read.value) : checkBounds(read.value, bounds);
}

function checkBounds(value: MacParameters, bounds: MacBounds): Result<MacParameters, string> {
  const iterations = value.kind === 'pbm' ? { min: bounds.minIterations, max: bounds.maxIterations } : pbkdf2Iterations;
  if (!isWithin(value.iterationCount, iterations)) return fail(`iterationCount ${value.iterationCount}`);
  if (!isWithin(value.salt.length, saltOctets)) return fail(`salt of ${value.salt.length} octets`);
  if (value.kind === 'pbmac1' && !isWithin(value.keyLength, keyOctets)) return fail(`keyLength ${value.keyLength}`);
  if (value.kind === 'pbmac1' && isGmac(value.mac) && value.keyLength !== gmacKeyOctets(value.mac))
    return fail(`keyLength ${value.keyLength} for ${value.mac}`);
  if (value.kind === 'pbmac1' && pbkdf2Work(value) > pbkdf2Iterations.max) return fail(`iterationCount ${value.iterationCount} for ${value.keyLength} octets`);
  const usesSha1 = value.mac === 'sha1' || (value.kind === 'pbmac1' && value.prf === 'sha1');
  return usesSha1 && !bounds.hmacSha1 ? fail('HMAC-SHA1') : ok(value);
}

const digestOctets: Record<MacDigest, number> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

/** PBKDF2 iterates anew for every block of the key (RFC 8018 section 5.2). */
function pbkdf2Work(value: Pbmac1Parameters): number {
  return value.iterationCount * Math.ceil(value.keyLength / digestOctets[value.prf]);
}

function isWithin(value: number, range: { readonly min: number; readonly max: number }): boolean {
  return value >= range.min && value <= range.max;
}

function readPbm(cursor: Cursor, algorithm: AlgorithmIdentifier): PbmParameters | string {
  const fields = cursor.sequence();
  const salt = fields.octetString();
  const owfAlgorithm = readAlgorithmIdentifier(fields);
  const iterationCount = readCount(fields);
  const macAlgorithm = readAlgorithmIdentifier(fields);
  fields.end();
  const owf = hasNoParameters(owfAlgorithm) ? oneWayFunctions[owfAlgorithm.oid] : undefined;
  const mac = macOf(macAlgorithm);
  if (owf === undefined) return `owf ${owfAlgorithm.oid}`;
  return mac === undefined ? `mac ${macAlgorithm.oid}` : { kind: 'pbm', salt, owf, iterationCount, algorithm, ...mac };
}

function readPbmac1(cursor: Cursor, algorithm: AlgorithmIdentifier): Pbmac1Parameters | string {
  const fields = cursor.sequence();
  const kdf = readAlgorithmIdentifier(fields);
  const macAlgorithm = readAlgorithmIdentifier(fields);
  fields.end();
  const mac = macOf(macAlgorithm);
  if (mac === undefined) return `messageAuthScheme ${macAlgorithm.oid}`;
  if (kdf.oid !== oids.pbkdf2 || kdf.parameters === undefined) return `keyDerivationFunc ${kdf.oid}`;
  const inner = new DerCursor(kdf.parameters).sequence();
  if (!inner.at(tag.octetString)) return 'salt of another source';
  const salt = inner.octetString();
  const iterationCount = readCount(inner);
  if (!inner.at(tag.integer)) return 'no keyLength';
  const keyLength = readCount(inner);
  const prfAlgorithm = inner.isEmpty ? { oid: oids.hmacSha1 } : readAlgorithmIdentifier(inner);
  inner.end();
  const prf = hmacOf(prfAlgorithm);
  return prf === undefined ? `prf ${prfAlgorithm.oid}` : { kind: 'pbmac1', salt, iterationCount, keyLength, prf, algorithm, ...mac };
}

/** HMAC, or GMAC as RFC 9045 section 4 recommends beside it. */
function macOf(algorithm: AlgorithmIdentifier): { readonly mac: MacDigest | Gmac; readonly nonce?: Buffer } | undefined {
  const mac = hmacOf(algorithm);
  return mac === undefined ? readGmac(algorithm) : { mac };
}

function hmacOf(algorithm: AlgorithmIdentifier): MacDigest | undefined {
  return hasNoParameters(algorithm) ? hmacs[algorithm.oid] : undefined;
}

/** A count of any size: beyond six octets it is simply too large, however large. */
function readCount(cursor: Cursor): number {
  const content = cursor.integer();
  if (content.length <= 6) return content.readIntBE(0, content.length);
  return (content[0] as number) >= 0x80 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

const macOids: Record<MacDigest, string> = { sha1: oids.hmacSha1, sha256: oids.hmacSha256, sha384: oids.hmacSha384, sha512: oids.hmacSha512 };

type MacFields = Pick<MacParameters, 'mac' | 'nonce'>;

/** A GMAC has a nonce of its own in every message. */
function withNonce<T extends MacFields>(fields: T): T {
  return isGmac(fields.mac) && fields.nonce === undefined ? { ...fields, nonce: randomOctets(12) } : fields;
}

function macAlgorithm({ mac, nonce = Buffer.alloc(0) }: MacFields, parameters?: Buffer): Element {
  return isGmac(mac) ? gmacAlgorithm({ mac, nonce }) : algorithmIdentifier({ oid: macOids[mac], ...(parameters && { parameters }) });
}

/** PasswordBasedMac for messages of our own. */
export function pbmParameters(given: Omit<PbmParameters, 'kind' | 'algorithm'>): PbmParameters {
  const fields = withNonce(given);
  const parameters = encode(
    der.sequence(der.octetString(fields.salt), algorithmIdentifier({ oid: oids[fields.owf] }), der.integer(fields.iterationCount), macAlgorithm(fields)),
  );
  return { kind: 'pbm', ...fields, algorithm: { oid: oids.passwordBasedMac, parameters } };
}

/** PBMAC1 with PBKDF2 for messages of our own. */
export function pbmac1Parameters(given: Omit<Pbmac1Parameters, 'kind' | 'algorithm'>): Pbmac1Parameters {
  const fields = withNonce(given);
  const kdf = encode(
    der.sequence(
      der.octetString(fields.salt),
      der.integer(fields.iterationCount),
      der.integer(fields.keyLength),
      algorithmIdentifier({ oid: macOids[fields.prf], parameters: der.nullValue() }),
    ),
  );
  const mac = macAlgorithm(fields, der.nullValue());
  const parameters = encode(der.sequence(algorithmIdentifier({ oid: oids.pbkdf2, parameters: kdf }), mac));
  return { kind: 'pbmac1', ...fields, algorithm: { oid: oids.pbmac1, parameters } };
}
