import type { CertificateRequest } from '../../enrolment/ports.js';
import { isSameName, type Name, parseCsr, parseName, readGeneralName, subjectAltNames } from '../../pkix/index.js';
import { Cursor, contextConstructed, guarded, oids, tag } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { Role } from './wire.js';

const userPrincipalName = '1.3.6.1.4.1.311.20.2.3';

/** Names as the call `sign` takes them, beside the CSR. */
export interface NameFields {
  readonly common_name?: string;
  readonly alt_names?: string;
  readonly ip_sans?: string;
  readonly uri_sans?: string;
  readonly other_sans?: string;
}

/**
 * Vault certifies a PKCS#10 and nothing else, and takes the names from it. So a request that has none (CRMF), or that was granted other
 * names than its PKCS#10 asks for, can never be issued; in words why.
 */
export function checkNames(request: CertificateRequest): Result<true, string> {
  if (request.pkcs10 === undefined)
    return fail('Vault issues only for a PKCS#10, which this request does not bring; devices that speak CMP must send p10cr, or the profile needs another CA.');
  const csr = parseCsr(request.pkcs10);
  const subject = parseName(request.subject);
  if (!csr.ok || !subject.ok) return fail('The PKCS#10 is malformed.');
  const sans = subjectAltNames(csr.value.extensions);
  const isSame = isSameName(csr.value.subject, subject.value) && sans.ok && isSameSet(sans.value, request.sans);
  return isSame ? ok(true) : fail('Vault takes the names from the PKCS#10, and the profile grants others; let the profile take names as they are asked for.');
}

function isSameSet(asked: readonly { readonly der: Buffer }[], granted: readonly Buffer[]): boolean {
  return asked.length === granted.length && asked.every((name) => granted.some((other) => other.equals(name.der)));
}

/** What a role writes into subjects by itself: everything but the common name. */
const roleParts = [
  [oids.organizationName, 'organization', 'organizationName'],
  [oids.organizationalUnitName, 'ou', 'organizationalUnitName'],
  [oids.countryName, 'country', 'countryName'],
  [oids.localityName, 'locality', 'localityName'],
  [oids.stateOrProvinceName, 'province', 'stateOrProvinceName'],
] as const;

/** Whether the call `sign` with this role gives exactly this subject: of a CSR it takes the common name, the rest is the role's. */
export function checkSubject(subject: Buffer, role: Role): Result<true, string> {
  const name = parseName(subject);
  if (!name.ok) return fail('The subject is malformed.');
  for (const [oid, field, words] of roleParts) {
    const asked = textsOf(name.value, oid);
    const written = role[field] ?? [];
    if (asked.length === written.length && asked.every((text) => written.includes(text))) continue;
    return fail(`The role writes ${words} "${written.join(', ')}", and the request has "${asked.join(', ')}"; change the role, or set signVerbatim.`);
  }
  const known: readonly string[] = [oids.commonName, ...roleParts.map(([oid]) => oid)];
  const other = name.value.rdns.flat().find(({ type }) => !known.includes(type));
  return other === undefined ? ok(true) : fail(`A role of Vault writes no attribute ${other.type} into subjects; set signVerbatim.`);
}

function textsOf(name: Name, oid: string): readonly string[] {
  return name.rdns.flat().flatMap(({ type, text }) => (type === oid ? [text ?? ''] : []));
}

/** The granted names once more, for roles that do not take them from the CSR. */
export function nameFields(request: CertificateRequest): NameFields {
  const name = parseName(request.subject);
  const [commonName] = name.ok ? textsOf(name.value, oids.commonName) : [];
  const names = request.sans.flatMap((der) => {
    const read = guarded(() => readGeneralName(new Cursor(der)));
    return read.ok ? [read.value] : [];
  });
  const listed = (...types: readonly string[]) => names.flatMap(({ type, text }) => (types.includes(type) ? [text] : [])).join(',');
  const others = names.flatMap((item) => (item.type === 'other' ? principalNames(item.der) : [])).map((text) => `${userPrincipalName};UTF8:${text}`);
  const fields = { alt_names: listed('dns', 'email'), ip_sans: listed('ip'), uri_sans: listed('uri'), other_sans: others.join(',') };
  return { ...(commonName !== undefined && { common_name: commonName }), ...Object.fromEntries(Object.entries(fields).filter(([, text]) => text !== '')) };
}

function principalNames(der: Buffer): readonly string[] {
  const read = guarded(() => {
    const fields = new Cursor(der).enter(contextConstructed(0));
    const type = fields.oid();
    const value = fields.explicit(0);
    return type === userPrincipalName && value?.at(tag.utf8String) ? [value.text()] : [];
  });
  return read.ok ? read.value : [];
}
