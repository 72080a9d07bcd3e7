import { hash } from 'node:crypto';
import { z } from 'zod';
import { type Certificate, certificateFingerprint, fingerprintText, nameToText, parseCertificate, parsePublicKey, serialHex } from '../../pkix/index.js';
import { type RaKey, raKeyOrigins, raKeyStates, raKeyUsages } from '../../tenancy/credentials.js';
import { idSchema, timeSchema, timeTextSchema } from '../field.js';

export const raKeyParams = z.strictObject({ id: idSchema.describe('Id of the profile'), keyId: idSchema.describe('Id of the RA key') });

/** What people compare with what a device shows them before it trusts (RFC 8894 section 2.2). */
export const shownCertificateSchema = z
  .object({
    subject: z.string(),
    issuer: z.string(),
    serial: z.string().describe('lower-case hexadecimal'),
    notBefore: timeSchema,
    notAfter: timeSchema,
    sha256: z.string().describe('AB:CD:...'),
    sha1: z.string().describe('AB:CD:..., for devices that show nothing better'),
  })
  .meta({ id: 'ShownCertificate', description: 'A certificate that devices are shown, with its fingerprints for a comparison by other means' });

export const raKeySchema = z
  .object({
    id: idSchema,
    usage: z.enum(raKeyUsages).describe('both, or of two keys the one that signs answers and the one that requests are encrypted to'),
    origin: z.enum(raKeyOrigins).describe('imported: from the server that answered these devices before'),
    state: z.enum(raKeyStates).describe('next: announced; active: shown by GetCACert; retiring: still answers those who know it'),
    keySize: z.string().describe('RSA-2048, ...'),
    certificate: shownCertificateSchema.nullable().describe('null until the CA has issued it'),
    keepUntil: timeSchema.nullable().describe('When an imported key goes; null: when it is retired by hand'),
    createdAt: timeSchema,
  })
  .meta({ id: 'RaKey', description: 'An RA key of a SCEP profile; the private key is never shown' });

export const raKeyListSchema = z
  .object({ items: z.array(raKeySchema), authorities: z.array(shownCertificateSchema).describe('The CA certificates that GetCACert shows beside them') })
  .meta({ id: 'RaKeyList' });

export const preparedSchema = raKeyListSchema
  .extend({
    outcome: z.enum(['ready', 'waiting', 'refused']).describe('ready: a successor is announced; waiting: the CA has not answered yet; refused: the CA said no'),
  })
  .meta({ id: 'PreparedRaKeys' });

export const importRaKeySchema = z
  .strictObject({
    pfx: z.base64().min(1).max(90_000).describe('PKCS#12 in base64, at most 64 KiB: RA certificates with their RSA keys, of one server'),
    password: z.string().max(500).describe('Opens the PFX; not kept'),
    keepUntil: timeTextSchema.nullable().default(null).describe('When the keys go; null: when they are retired by hand'),
  })
  .meta({ id: 'ImportRaKeys', description: 'RA keys of the server that answered these devices before' });

export function shownCertificate(certificate: Certificate): z.output<typeof shownCertificateSchema> {
  return {
    subject: nameToText(certificate.subject),
    issuer: nameToText(certificate.issuer),
    serial: serialHex(certificate.serial),
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
    sha256: fingerprintText(certificateFingerprint(certificate.der)),
    sha1: fingerprintText(hash('sha1', certificate.der, 'buffer')),
  };
}

export function raKeyView(key: RaKey): z.output<typeof raKeySchema> {
  const certificate = key.certificate === null ? undefined : parseCertificate(key.certificate);
  return {
    id: key.id,
    usage: key.usage,
    origin: key.origin,
    state: key.state,
    keySize: keySizeOf(key),
    certificate: certificate?.ok === true ? shownCertificate(certificate.value) : null,
    keepUntil: key.origin === 'imported' ? (key.keepUntil?.toISOString() ?? null) : null,
    createdAt: key.createdAt.toISOString(),
  };
}

function keySizeOf({ spki }: RaKey): string {
  const key = parsePublicKey(spki);
  return key.ok ? key.value.name : 'unknown';
}
