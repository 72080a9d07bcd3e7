import { z } from 'zod';
import { type UnknownCertificate, unknownStates } from '../../enrolment/unknown-certificates.js';
import { toPem } from '../../pkix/index.js';
import { idSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';
import { denialSchema } from '../orders/schema.js';

export const unknownCertificateSchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    connectorId: z.string(),
    state: z.enum(unknownStates).describe('FOUND waits for a decision; KEPT: somebody decided that it may stay'),
    isOurs: z.boolean().describe('Whether nobody but this connector can have had it issued; else its names only look so'),
    serial: z.string().describe('Lower-case hexadecimal'),
    issuer: z.string(),
    subject: z.string(),
    notBefore: timeSchema,
    notAfter: timeSchema,
    certificate: z.string().describe('PEM'),
    reason: z.string().describe('Of whoever decided'),
    foundAt: timeSchema,
    decidedAt: timeSchema.nullable(),
    lastError: z.string().nullable().describe('Why its CA has not revoked it yet'),
  })
  .meta({ id: 'UnknownCertificate', description: 'A certificate that a CA issued and that is not known here, as after a restored backup' });

export const unknownCertificatePage = pageSchema(unknownCertificateSchema).meta({ id: 'UnknownCertificatePage' });

export const unknownCertificateQuery = listQuerySchema(
  ['foundAt'],
  { tenantId: idSchema.optional(), connectorId: idSchema.optional(), state: z.enum(unknownStates).optional() },
  '-foundAt',
);

export const unknownDecisionSchema = denialSchema.meta({ id: 'UnknownCertificateDecision' });

export function unknownCertificateView(item: UnknownCertificate): z.output<typeof unknownCertificateSchema> {
  const { id, tenantId, connectorId, state, isOurs, serial, issuer, subject, reason, lastError } = item;
  return {
    id,
    tenantId,
    connectorId,
    state,
    isOurs,
    serial,
    issuer,
    subject,
    notBefore: item.notBefore.toISOString(),
    notAfter: item.notAfter.toISOString(),
    certificate: toPem('CERTIFICATE', item.certificate),
    reason,
    foundAt: item.foundAt.toISOString(),
    decidedAt: item.decidedAt?.toISOString() ?? null,
    lastError,
  };
}
