import { z } from 'zod';
import type { IssuedCertificate } from '../../enrolment/ports.js';
import { crlReasons } from '../../pkix/index.js';
import type { CsvColumns } from '../csv.js';
import { idSchema, instantSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';

const certificateStatuses = ['valid', 'revoked', 'superseded'] as const;

export const certificateSchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    profileId: z.string().nullable(),
    connectorId: z.string(),
    orderId: z.string().nullable(),
    serial: z.string().describe('Lower-case hexadecimal'),
    issuer: z.string().describe('RFC 4514 text'),
    subject: z.string().describe('RFC 4514 text'),
    sans: z.array(z.string()).describe('`dns:...`, `ip:...`, ...'),
    notBefore: timeSchema,
    notAfter: timeSchema,
    sha256: z.string().describe('Fingerprint, lower-case hexadecimal'),
    status: z.enum(certificateStatuses).describe('`superseded`: a confirmed renewal replaced it; it is still valid'),
    revocationReason: z.enum(crlReasons).nullable().describe('CRLReason of a revoked one, where known; `certificateHold` can be released'),
  })
  .meta({ id: 'Certificate', description: 'A certificate issued through Gatehouse' });

export const certificatePage = pageSchema(certificateSchema).meta({ id: 'CertificatePage' });

export const certificateListQuery = listQuerySchema(['createdAt', 'notBefore', 'notAfter', 'subject'], {
  tenantId: idSchema.optional(),
  profileId: idSchema.optional(),
  connectorId: idSchema.optional(),
  orderId: idSchema.optional(),
  status: z.enum(certificateStatuses).optional(),
  serial: z
    .string()
    .regex(/^[0-9a-fA-F:]{1,120}$/, 'Must be hexadecimal')
    .transform((text) => text.replaceAll(':', '').toLowerCase())
    .optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F:]{64,95}$/, 'Must be 32 octets in hexadecimal')
    .transform((text) => text.replaceAll(':', '').toLowerCase())
    .optional()
    .describe('Fingerprint'),
  expiresAfter: instantSchema.optional().describe('notAfter at this time or later'),
  expiresBefore: instantSchema.optional().describe('notAfter before this time'),
});

/** CRLReason (RFC 5280 section 5.3.1), as far as an administrator may give one; `removeFromCRL` lifts a hold. */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
} as const;
const reasonNames = Object.keys(revocationReasons) as (keyof typeof revocationReasons)[];

export const revocationSchema = z
  .strictObject({
    reason: z.enum(reasonNames).describe('CRLReason; `removeFromCRL` releases a certificate on hold'),
    comment: z.string().trim().max(1000).default('').describe('For operators'),
  })
  .meta({ id: 'CertificateRevocation' });

export function certificateView(certificate: IssuedCertificate): z.output<typeof certificateSchema> {
  const { id, tenantId, profileId, connectorId, orderId, serial, issuer, subject, sans, status, revocationReason } = certificate;
  const { notBefore, notAfter, sha256 } = certificate;
  return {
    ...{ id, tenantId, profileId, connectorId, orderId, serial, issuer, subject, sans: [...sans], status },
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    sha256: sha256.toString('hex'),
    revocationReason: (status === 'revoked' ? crlReasons[revocationReason ?? -1] : undefined) ?? null,
  };
}

/** Columns of the CSV, in this order. */
export const certificateColumns: CsvColumns<IssuedCertificate> = {
  id: ({ id }) => id,
  subject: ({ subject }) => subject,
  sans: ({ sans }) => sans.join(' '),
  issuer: ({ issuer }) => issuer,
  serial: ({ serial }) => serial,
  notBefore: ({ notBefore }) => notBefore.toISOString(),
  notAfter: ({ notAfter }) => notAfter.toISOString(),
  status: ({ status }) => status,
  sha256: ({ sha256 }) => sha256.toString('hex'),
  tenantId: ({ tenantId }) => tenantId,
  profileId: ({ profileId }) => profileId,
  connectorId: ({ connectorId }) => connectorId,
  orderId: ({ orderId }) => orderId,
};
