import { z } from 'zod';
import { parseCertificate } from '../../pkix/index.js';
import { timeSchema, timeTextSchema } from '../field.js';
import type { EngineCaRow } from '../ports.js';
import { shownCertificate, shownCertificateSchema } from '../ra-keys/schema.js';

/** As the ids of CAs are made; what else stands in the URL is none, and nothing that the database is asked for. */
const caId = z.string().regex(/^[a-z0-9-]{1,64}$/);

export const engineCaParams = z.strictObject({ caId: caId.describe('Id of the CA, as in its URLs') });

export const engineCaSchema = z
  .object({
    id: z.string(),
    state: z.enum(['next', 'active', 'retired']).describe('next: announced; active: issues, or is the root; retired: only its CRL goes on'),
    activatesAt: timeSchema.nullable().describe('When a CA in state next takes over by itself'),
    createdAt: timeSchema,
    certificate: shownCertificateSchema,
  })
  .meta({ id: 'EngineCa', description: 'A CA of the embedded engine' });

export const engineCaListSchema = z.object({ items: z.array(engineCaSchema) }).meta({ id: 'EngineCaList' });

export const newEngineCaSchema = z
  .strictObject({ activatesAt: timeTextSchema.describe('When it takes over; until then devices can learn of it by GetNextCACert') })
  .meta({ id: 'NewEngineCa' });

export function engineCaView({ id, state, activatesAt, createdAt, certificate }: EngineCaRow): z.output<typeof engineCaSchema> {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) throw parsed.error;
  const takesOverAt = state === 'next' ? (activatesAt?.toISOString() ?? null) : null;
  return { id, state, activatesAt: takesOverAt, createdAt: createdAt.toISOString(), certificate: shownCertificate(parsed.value) };
}
