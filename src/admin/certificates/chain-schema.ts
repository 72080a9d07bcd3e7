import { z } from 'zod';
import { shownCertificateSchema } from '../ra-keys/schema.js';

export const certificateChainSchema = z
  .object({
    items: z
      .array(z.object({ ...shownCertificateSchema.shape, pem: z.string(), verdict: z.enum(['ok', 'failed', 'unknown']) }))
      .describe(
        'The certificate, then its CAs up to the root. `verdict`: whether the next one signed it, the last one itself; `unknown`: nobody is there to ask',
      ),
  })
  .meta({ id: 'CertificateChain', description: 'A certificate with the chain that its connector has now' });
