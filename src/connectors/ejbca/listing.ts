import type { ListedCertificate } from '../../enrolment/ports.js';
import { parseCertificate, subjectAltNames } from '../../pkix/index.js';
import type { Found, Search } from './search.js';
import { isIdentityName, type UsernameRule, usernameFor } from './username.js';

export interface Listing {
  readonly search: Search;
  readonly caName: string;
  readonly rule: UsernameRule;
  readonly timeoutMs: number;
}

/**
 * What EJBCA issued in a span of time to end entities that are named as this connector names them. Others may have such names too: certain
 * is only the digest of this very tenant and device identity, or a part of the subject between the connector's own prefix and postfix.
 */
export async function* listIssued(
  { search, caName, rule, timeoutMs }: Listing,
  from: Date,
  to: Date,
  tenantId: string,
): AsyncGenerator<readonly ListedCertificate[]> {
  for (let page = 1; ; page += 1) {
    const answer = await search.byTime(caName, from, to, page, AbortSignal.timeout(timeoutMs));
    if (!answer.ok) throw new Error(answer.error.reason);
    const { found, hasMore } = answer.value;
    yield found.flatMap((item) => listed(item, rule, tenantId));
    if (!hasMore) return;
    if (found.every(({ username }) => username === undefined))
      throw new Error('Version 1 of the search has no pages: enable "REST Certificate Management V2" in EJBCA.');
  }
}

function listed({ der, username, isRevoked }: Found, rule: UsernameRule, tenantId: string): ListedCertificate[] {
  if (isRevoked === true) return [];
  if (username === undefined) return [{ certificate: der, isOurs: false }];
  if (username === expected(der, rule, tenantId)) return [{ certificate: der, isOurs: isTelling(username, rule) }];
  return isIdentityName(username, rule) ? [{ certificate: der, isOurs: false }] : [];
}

function expected(der: Buffer, rule: UsernameRule, tenantId: string): string | undefined {
  const parsed = parseCertificate(der);
  const sans = parsed.ok ? subjectAltNames(parsed.value.extensions) : undefined;
  if (!parsed.ok || sans?.ok !== true) return undefined;
  const { subject, publicKey } = parsed.value;
  const names = { subject: subject.der, sans: sans.value.map((san) => san.der), publicKey: publicKey.spki };
  return usernameFor(tenantId, names, rule);
}

function isTelling(username: string, rule: UsernameRule): boolean {
  return isIdentityName(username, rule) || rule.usernamePrefix !== '' || rule.usernamePostfix !== '';
}
