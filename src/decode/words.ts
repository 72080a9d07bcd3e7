/** How values are put in words: numbers of bytes, times, identifiers, algorithms. */
import { type AlgorithmIdentifier, digestOids, readPssParameters, signatureAlgorithms } from '../pkix/index.js';
import { oids } from '../protocol/der/index.js';

const namesByOid: ReadonlyMap<string, string> = new Map(Object.entries(oids).map(([name, oid]) => [oid, name]));

/** The name its standard gives an object identifier; its dotted form when it is none we know. */
export function oidName(oid: string): string {
  return namesByOid.get(oid) ?? oid;
}

const digestNames = { md5: 'MD5', sha1: 'SHA-1', sha224: 'SHA-224', sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const;

export function digestName(digest: keyof typeof digestNames): string {
  return digestNames[digest];
}

/** A digest or signature algorithm as people call it. */
export function algorithmName(algorithm: AlgorithmIdentifier): string {
  const digest = algorithm.oid === oids.md5 ? 'md5' : digestOids[algorithm.oid];
  if (digest !== undefined) return digestNames[digest];
  if (algorithm.oid === oids.rsassaPss) {
    const pss = readPssParameters(algorithm);
    return pss.ok
      ? `RSASSA-PSS with ${digestNames[pss.value.digest]}, salt of ${pss.value.saltLength} bytes`
      : 'RSASSA-PSS with parameters that are not served';
  }
  return signatureAlgorithms[algorithm.oid]?.name ?? oidName(algorithm.oid);
}

/** What to know about an algorithm that is old. */
export function weaknessOf(name: string): string | undefined {
  if (/md5/i.test(name)) return 'MD5 is always refused';
  return /sha-?1\b|sha1With/i.test(name) ? 'SHA-1 is weak: accepted only where a profile allows it' : undefined;
}

export function byteCount(bytes: Buffer | number): string {
  const count = typeof bytes === 'number' ? bytes : bytes.length;
  return count === 1 ? '1 byte' : `${count} bytes`;
}

const maxHex = 64;

/** Hexadecimal, and how many bytes it is. */
export function hexText(bytes: Buffer): string {
  if (bytes.length === 0) return 'empty';
  const cut = bytes.length > maxHex ? '...' : '';
  return `${bytes.toString('hex', 0, maxHex)}${cut} (${byteCount(bytes)})`;
}

/** RFC 3339, UTC. */
export function timeText(time: Date): string {
  return time.toISOString().replace('.000Z', 'Z');
}

/** The value of a type we do not know might be anything, a secret among it. */
export function unshown(bytes: Buffer): string {
  return `${byteCount(bytes)}, not shown`;
}

/** A secret: that it is there, and how long it is. */
export function hiddenText(text: string): string {
  const count = Array.from(text).length;
  return `present, ${count} ${count === 1 ? 'character' : 'characters'}`;
}
