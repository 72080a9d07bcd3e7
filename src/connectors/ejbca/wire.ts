import { z } from 'zod';
import { fromPem, parseCertificate } from '../../pkix/index.js';

/** EJBCA's REST answers as this connector reads them; unknown members are ignored. */
export const statusAnswer = z.object({ status: z.string(), version: z.string().optional(), revision: z.string().optional() });

export const enrolAnswer = z.object({ certificate: z.string().min(1), certificate_chain: z.array(z.string()).nullish() });

export const errorAnswer = z.object({ error_code: z.number().optional(), error_message: z.string() });

export const revocationAnswer = z.object({ revoked: z.boolean(), revocation_reason: z.string().nullish() });

export const caListAnswer = z.object({ certificate_authorities: z.array(z.object({ name: z.string(), subject_dn: z.string() })) });

export const crlAnswer = z.object({ crl: z.string().min(1) });

/** v2 of the search, whose items alone are camelCase. */
export const searchAnswer = z.object({
  certificates: z
    .array(
      z.object({
        base64Cert: z.string().nullish(),
        username: z.string().nullish(),
        issuerDN: z.string().nullish(),
        status: z.number().nullish(),
        revocationReason: z.number().nullish(),
        // Spelled so by EJBCA.
        udpateTime: z.number().nullish(),
      }),
    )
    .nullish(),
  pagination_summary: z.object({ total_certs: z.number().nullish() }).nullish(),
});

export const oldSearchAnswer = z.object({ certificates: z.array(z.object({ certificate: z.string() })), more_results: z.boolean().nullish() });

/** JSON of a known shape, or undefined when it is none. */
export function readJson<T>(schema: z.ZodType<T>, body: Buffer): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(body.toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** A certificate in any of the wrappings that EJBCA's versions and services use: base64 of DER, of that base64, or of PEM. */
export function certificateIn(text: string): Buffer | undefined {
  let found: Buffer | undefined = Buffer.from(text.replace(/\s/g, ''), 'base64');
  for (let depth = 0; depth < 2 && found !== undefined; depth += 1) {
    if (parseCertificate(found).ok) return found;
    const inner: string = found.toString('latin1');
    found = fromPem('CERTIFICATE', inner)[0] ?? (/^[A-Za-z0-9+/=\s]+$/.test(inner) ? Buffer.from(inner.replace(/\s/g, ''), 'base64') : undefined);
  }
  return found !== undefined && parseCertificate(found).ok ? found : undefined;
}
