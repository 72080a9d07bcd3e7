import { z } from 'zod';

/** What this connector reads of the HTTP API of Vault and OpenBao; unknown members are ignored. */
export const loginAnswer = z.object({
  auth: z.object({ client_token: z.string().min(1), lease_duration: z.number().min(0), renewable: z.boolean().default(false) }),
});
/** A renewal may leave the token out. */
export const renewalAnswer = z.object({ auth: z.object({ lease_duration: z.number().min(0), renewable: z.boolean().default(false) }) });

export const errorAnswer = z.object({ errors: z.array(z.string()) });

export const healthAnswer = z.object({
  initialized: z.boolean(),
  sealed: z.boolean(),
  standby: z.boolean().default(false),
  version: z.string().default('unknown'),
});

export const signAnswer = z.object({
  data: z.object({ certificate: z.string(), issuing_ca: z.string().optional(), ca_chain: z.array(z.string()).nullish() }),
});

export const revokeAnswer = z.object({ data: z.object({ revocation_time: z.number() }) });

export const issuerAnswer = z.object({ data: z.object({ certificate: z.string(), ca_chain: z.array(z.string()).nullish() }) });
export const storedAnswer = z.object({ data: z.object({ certificate: z.string() }) });

export const keysAnswer = z.object({
  data: z.object({ keys: z.array(z.string()), key_info: z.record(z.string(), z.object({ issuer_name: z.string().optional() })).nullish() }),
});

const texts = z.array(z.string()).nullish();
/** What of a role decides which subjects and keys can be had. */
export const roleAnswer = z.object({
  data: z.object({
    organization: texts,
    ou: texts,
    country: texts,
    locality: texts,
    province: texts,
    use_csr_common_name: z.boolean().default(true),
    use_csr_sans: z.boolean().default(true),
    no_store: z.boolean().default(false),
    max_ttl: z.union([z.number(), z.string()]).optional(),
  }),
});
export type Role = z.infer<typeof roleAnswer>['data'];

/** JSON of a known shape, or undefined when it is none. */
export function readJson<T>(schema: z.ZodType<T>, body: Buffer): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(body.toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
