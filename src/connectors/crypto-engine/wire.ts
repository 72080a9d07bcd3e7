import { z } from 'zod';
import { crlReasons } from '../../pkix/index.js';

/** Crypto Engine API v1 as this connector reads and writes it; unknown members are ignored. Shared with nobody: a server's words are its own. */
export const scopes = 'ca.read ca.issue ca.revoke';

export const tokenAnswer = z.object({ access_token: z.string().min(1), token_type: z.string(), expires_in: z.number().positive().optional() });
export const tokenFault = z.object({ error: z.string(), error_description: z.string().optional() });

export const health = z.object({ status: z.enum(['UP', 'DEGRADED', 'DOWN']), version: z.string().optional() });

const caProfile = z.object({ id: z.string(), name: z.string().optional() });
const authority = z.object({
  id: z.string(),
  name: z.string().optional(),
  subject: z.string().optional(),
  status: z.enum(['ACTIVE', 'OFFLINE', 'EXPIRED']),
  profiles: z.array(caProfile).default([]),
});
export type Authority = z.infer<typeof authority>;
export const authorityList = z.object({ items: z.array(authority) });

export const chainAnswer = z.object({ certificates: z.array(z.string()).min(1) });
export const certificateAnswer = z.object({ certificate: z.string() });

export const certificateList = z.object({ items: z.array(certificateAnswer), nextCursor: z.string().nullish() });

export const problem = z.object({
  title: z.string().optional(),
  detail: z.string().optional(),
  code: z.string().optional(),
  violations: z.array(z.object({ rule: z.string().optional(), detail: z.string().optional() })).optional(),
});
export type Problem = z.infer<typeof problem>;

export const operation = z.object({
  id: z.string().min(1),
  state: z.enum(['PENDING', 'SUCCEEDED', 'FAILED', 'CANCELLED']),
  result: z.unknown().optional(),
  error: problem.optional(),
});
export type EngineOperation = z.infer<typeof operation>;

export interface IssueBody {
  readonly csr?: string;
  readonly publicKey?: string;
  readonly profileId?: string;
  readonly subject: string;
  readonly subjectAltNames: readonly { readonly type: string; readonly value: string }[];
  readonly notBefore?: string;
  readonly notAfter: string;
  readonly requestContext: Readonly<Record<string, string>>;
}

/** The name of a CRLReason number; what has none is `unspecified`. */
export function reasonName(reason: number): string {
  return crlReasons[reason] ?? 'unspecified';
}

/** JSON of a known shape, or undefined when it is none. */
export function readJson<T>(schema: z.ZodType<T>, body: Buffer): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(body.toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
