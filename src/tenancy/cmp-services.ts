import { z } from 'zod';
import { fromPem, parseCertificate } from '../pkix/index.js';

function isOneCertificate(pem: string): boolean {
  const [der, ...further] = fromPem('CERTIFICATE', pem);
  return der !== undefined && further.length === 0 && parseCertificate(der).ok;
}

const certificate = z.string().max(20_000).refine(isOneCertificate, 'Must be one certificate in PEM');

/** rr of CMP (RFC 9483 section 4.2). */
export const revocationSchema = z.strictObject({
  serve: z.boolean().default(true).describe('Whether devices may revoke their certificates by CMP'),
  bySecret: z.boolean().default(false).describe('Whether a shared secret may revoke the certificates that were enrolled with it, and their renewals'),
  hold: z.boolean().default(true).describe('Whether certificates may be put on hold, and released by an RA or the shared secret'),
  passphrases: z
    .boolean()
    .default(false)
    .describe('Whether devices may leave a passphrase (revPassphrase) by which their certificates are revoked when the key is lost'),
  several: z.boolean().default(false).describe('Whether one rr may name several certificates (up to 20)'),
});

/** genm of CMP (RFC 9483 section 4.3). */
export const generalMessagesSchema = z.strictObject({
  serve: z.boolean().default(true).describe('Whether general messages are answered: CA certificates, request template, CRLs and others'),
  crls: z.boolean().default(true).describe('Whether CRLs are given out, where the CA has one'),
  rootUpdate: z
    .strictObject({
      newWithNew: certificate.describe('PEM: the new root, self-signed'),
      newWithOld: certificate.describe('PEM: the new key, certified by the old root'),
      oldWithNew: certificate.optional().describe('PEM: the old key, certified by the new root'),
    })
    .nullable()
    .default(null)
    .describe('The root that devices should trust from now on (RFC 9483 section 4.3.2); null: the root stays'),
});

/** ccr of CMP (RFC 9810 section 5.3.11). */
export const crossCertificationSchema = z.strictObject({
  authorities: z.array(certificate).max(10).default([]).describe('PEM: CAs whose key is certified when they ask by ccr; none: ccr is not served'),
  validityDays: z.int().min(1).max(3650).default(365).describe('Longest validity of such a certificate, in days'),
});
