import { createHash } from 'node:crypto';
import type { CertificateRequest } from '../../enrolment/ports.js';
import { canonicalName, parseName } from '../../pkix/index.js';
import type { EjbcaConfig } from '../../tenancy/ejbca-config.js';
import { nameForEjbca, nameParts } from './names.js';

/** What of a request names its end entity. */
export type NamedRequest = Pick<CertificateRequest, 'subject' | 'sans' | 'publicKey'>;

export type UsernameRule = Pick<EjbcaConfig, 'usernameScheme' | 'usernameParts' | 'usernamePrefix' | 'usernamePostfix'>;

/**
 * The end entity that a request belongs to: the same device identity, the same name, for ever - EJBCA overwrites an end entity of the same
 * name, and refuses the same subject under another one. Scheme `dn` takes the first of the configured parts that the subject has, as the
 * aliases of EJBCA do (parameters `CN;UID`); where it has none of them, and in scheme `identity`, the name is a digest of tenant, subject
 * and alternative names.
 */
export function usernameFor(ref: string, request: NamedRequest, rule: UsernameRule): string {
  const part = rule.usernameScheme === 'dn' ? subjectPart(request.subject, rule.usernameParts) : undefined;
  return `${rule.usernamePrefix}${part ?? digestOf(ref, request)}${rule.usernamePostfix}`;
}

function subjectPart(subject: Buffer, wanted: readonly string[]): string | undefined {
  const name = parseName(subject);
  if (!name.ok) return undefined;
  const parts = nameParts(name.value);
  for (const label of wanted) {
    if (label.toLowerCase() === 'entiredn') return nameForEjbca(name.value) || undefined;
    const found = parts.findLast((part) => part.label.toLowerCase() === label.toLowerCase())?.text;
    if (found !== undefined && found !== '') return found;
  }
  return undefined;
}

function digestOf(ref: string, request: NamedRequest): string {
  const name = parseName(request.subject);
  const subject = name.ok ? canonicalName(name.value) : request.subject.toString('hex');
  const sans = request.sans.map((san) => san.toString('hex').toLowerCase()).sort();
  const parts = [tenantOf(ref), subject, ...(request.sans.length === 0 && isNameless(subject) ? [request.publicKey.toString('hex')] : sans)];
  return `gh-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40)}`;
}

/** Whether it may be a digest as above, of whatever tenant. */
export function isIdentityName(username: string, { usernamePrefix, usernamePostfix }: UsernameRule): boolean {
  const hasAffixes = username.startsWith(usernamePrefix) && username.endsWith(usernamePostfix);
  return hasAffixes && /^gh-[0-9a-f]{40}$/.test(username.slice(usernamePrefix.length, username.length - usernamePostfix.length));
}

const isNameless = (canonical: string): boolean => canonical === '[]';

/** A ref begins with the tenant's id. */
function tenantOf(ref: string): string {
  return ref.slice(0, 36);
}
