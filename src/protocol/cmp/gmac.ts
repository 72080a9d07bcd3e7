import { createCipheriv } from 'node:crypto';
import type { AlgorithmIdentifier } from '../../pkix/index.js';
import { randomOctets } from '../../runtime/random.js';
import { Cursor, der, type Element, guarded, oids } from '../der/index.js';

/** RFC 9044, by the octets of their keys. */
const gmacs = {
  'aes128-gmac': { oid: oids.aes128Gmac, octets: 16, cipher: 'aes-128-gcm' },
  'aes192-gmac': { oid: oids.aes192Gmac, octets: 24, cipher: 'aes-192-gcm' },
  'aes256-gmac': { oid: oids.aes256Gmac, octets: 32, cipher: 'aes-256-gcm' },
} as const;

export type Gmac = keyof typeof gmacs;

/** RFC 9044 section 2
 *  GMACParameters ::= SEQUENCE {
 *    nonce   OCTET STRING, -- recommended size is 12 octets
 *    length  MACLength DEFAULT 12 }
 *  Only a length of 16 octets is served (row CMP-063): a shorter tag is easier to forge. */
export interface GmacParameters {
  readonly mac: Gmac;
  readonly nonce: Buffer;
}

const nonceOctets = { min: 12, max: 32 };
const tagOctets = 16;
/** INTEGER 16, as it ends the parameters. */
const lengthOctets = 3;

export function isGmac(mac: string): mac is Gmac {
  return Object.hasOwn(gmacs, mac);
}

export function gmacKeyOctets(mac: Gmac): number {
  return gmacs[mac].octets;
}

/** Undefined for every other algorithm, and for parameters that are not served. */
export function readGmac({ oid, parameters }: AlgorithmIdentifier): GmacParameters | undefined {
  const mac = (Object.keys(gmacs) as Gmac[]).find((name) => gmacs[name].oid === oid);
  if (mac === undefined || parameters === undefined) return undefined;
  const read = guarded(() => {
    const whole = new Cursor(parameters);
    const fields = whole.sequence();
    const nonce = fields.octetString();
    const length = fields.smallInteger();
    fields.end();
    whole.end();
    return { nonce, length };
  });
  if (!read.ok || read.value.length !== tagOctets) return undefined;
  const { nonce } = read.value;
  return nonce.length >= nonceOctets.min && nonce.length <= nonceOctets.max ? { mac, nonce } : undefined;
}

export function gmacAlgorithm({ mac, nonce }: GmacParameters): Element {
  return der.sequence(der.oid(gmacs[mac].oid), der.sequence(der.octetString(nonce), der.integer(tagOctets)));
}

/** The tag of GCM over `data` with nothing to encrypt (NIST SP 800-38D); of a longer key the first octets count (RFC 4211 section 4.4). */
export function computeGmac({ mac, nonce }: GmacParameters, key: Buffer, data: Buffer): Buffer {
  const { cipher: name, octets } = gmacs[mac];
  const cipher = createCipheriv(name, key.subarray(0, octets), nonce, { authTagLength: tagOctets });
  cipher.setAAD(data);
  cipher.final();
  return cipher.getAuthTag();
}

/**
 * The same parameters of a MAC, whose last field is a GMAC, with another nonce: under one key a nonce must never come twice, and the answer
 * to a message stands under the key of the message.
 */
export function withFreshNonce(parameters: Buffer, nonce: Buffer): { readonly parameters: Buffer; readonly nonce: Buffer } {
  const fresh = randomOctets(nonce.length);
  const changed = Buffer.from(parameters);
  fresh.copy(changed, changed.length - lengthOctets - nonce.length);
  return { parameters: changed, nonce: fresh };
}
