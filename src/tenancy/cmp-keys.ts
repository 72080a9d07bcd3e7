import { z } from 'zod';

export const centralKeyTypes = ['P-256', 'P-384', 'P-521', 'RSA-2048', 'RSA-3072', 'RSA-4096', 'Ed25519'] as const;
export type CentralKeyType = (typeof centralKeyTypes)[number];

/** Private keys made for devices that cannot make good ones (RFC 9483 section 4.1.6). */
export const centralKeysSchema = z.strictObject({
  serve: z.boolean().default(false).describe('Whether key pairs are made here for devices that ask for it'),
  keyTypes: z
    .array(z.enum(centralKeyTypes))
    .min(1)
    .default(['P-256', 'P-384', 'RSA-3072'])
    .describe('Kinds of keys that are made; the first where the request names none'),
  withoutTls: z.boolean().default(false).describe('Whether private keys, encrypted as they are, may travel without TLS'),
});

export const encryptionKeyTypes = ['P-256', 'ML-KEM-768'] as const;
export type EncryptionKeyType = (typeof encryptionKeyTypes)[number];

/** Keys of the RA that devices agree on keys with, encapsulate for or encrypt to (RFC 9810 sections 5.1.3.2, 5.1.3.4 and 5.3.19.1). */
export const encryptionKeysSchema = z
  .array(z.enum(encryptionKeyTypes))
  .max(encryptionKeyTypes.length)
  .default([])
  .describe('Encryption keys the RA has beside the one that signs; P-256 for DHBasedMac and agreeMAC, ML-KEM-768 (experimental) for KemBasedMac of answers');

/** How possession of a key may be proved other than by its signature (RFC 9810 section 5.2.8.3). */
export const possessionSchema = z.strictObject({
  encryptedCertificate: z
    .boolean()
    .default(false)
    .describe('Whether a key that cannot sign is certified with an answer that only its holder can decrypt, to be confirmed by it'),
  challengeResponse: z
    .boolean()
    .default(false)
    .describe('Whether a key that cannot sign is certified once its holder has decrypted a number for us (popdecc, popdecr)'),
  agreeMac: z
    .boolean()
    .default(false)
    .describe('Whether an EC key that only agrees on keys is certified by a MAC made with it and the encryption key P-256 of the RA (agreeMAC)'),
});
