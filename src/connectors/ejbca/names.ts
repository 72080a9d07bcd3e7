import { type GeneralName, type Name, nameToText, readGeneralName } from '../../pkix/index.js';
import { Cursor, contextConstructed, guarded, oids, tag } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';

/** EJBCA's short names where they differ from those of RFC 4514: its SN is a serial number. */
const ejbcaShortNames: Readonly<Record<string, string>> = {
  [oids.commonName]: 'CN',
  [oids.userId]: 'UID',
  [oids.organizationalUnitName]: 'OU',
  [oids.organizationName]: 'O',
  [oids.localityName]: 'L',
  [oids.stateOrProvinceName]: 'ST',
  [oids.domainComponent]: 'DC',
  [oids.countryName]: 'C',
  [oids.serialNumber]: 'SN',
  [oids.surname]: 'SURNAME',
  [oids.givenName]: 'GIVENNAME',
  [oids.title]: 'T',
  [oids.dnQualifier]: 'DN',
  [oids.streetAddress]: 'STREET',
  [oids.emailAddress]: 'E',
  [oids.unstructuredName]: 'unstructuredName',
  [oids.unstructuredAddress]: 'unstructuredAddress',
};
const userPrincipalName = '1.3.6.1.4.1.311.20.2.3';

const escaped = (text: string): string => text.replace(/[\\,+"<>;=]/g, '\\$&').replace(/^[ #]/, '\\$&');

/** The attribute parts `CN=device` of a Name in EJBCA's words, first relative name first. */
export function nameParts(name: Name): readonly { readonly label: string; readonly text: string }[] {
  return name.rdns.flat().map(({ type, text }) => ({ label: ejbcaShortNames[type] ?? type, text }));
}

/** A Name as EJBCA writes it: `CN=device,O=Acme,C=SE`, the last relative name first. */
export function nameForEjbca(name: Name): string {
  return [...nameParts(name)]
    .reverse()
    .map(({ label, text }) => `${label}=${escaped(text)}`)
    .join(',');
}

/** Ways in which EJBCA may write the same Name, the usual one first: which one a CA uses is a setting of it. */
export function nameSpellings(name: Name): readonly string[] {
  const usual = nameForEjbca(name);
  const reversed = nameParts(name)
    .map(({ label, text }) => `${label}=${escaped(text)}`)
    .join(',');
  return [...new Set([usual, reversed, nameToText(name)])];
}

/** Alternative names (DER elements) as a `subjectAltName` of EJBCA's: `dNSName=a.example, iPAddress=10.0.0.1`. The error names the kind that it has no word for. */
export function altNamesForEjbca(sans: readonly Buffer[]): Result<string, string> {
  const written: string[] = [];
  for (const der of sans) {
    const read = guarded(() => readGeneralName(new Cursor(der)));
    const text = read.ok ? altNameForEjbca(read.value) : undefined;
    if (text === undefined) return fail(`An alternative name of the kind "${read.ok ? read.value.type : 'malformed'}" cannot be written for EJBCA.`);
    written.push(text);
  }
  return ok(written.join(', '));
}

function altNameForEjbca(name: GeneralName): string | undefined {
  if (name.type === 'dns') return `dNSName=${escaped(name.text)}`;
  if (name.type === 'ip') return `iPAddress=${name.text}`;
  if (name.type === 'email') return `rfc822name=${escaped(name.text)}`;
  if (name.type === 'uri') return `uniformResourceIdentifier=${escaped(name.text)}`;
  if (name.type === 'directory' && name.name !== undefined) return `directoryName=${escaped(nameForEjbca(name.name))}`;
  const principal = principalName(name);
  return principal === undefined ? undefined : `upn=${escaped(principal)}`;
}

/** OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY } with Microsoft's user principal name inside (RFC 5280 section 4.2.1.6). */
function principalName(name: GeneralName): string | undefined {
  if (name.type !== 'other') return undefined;
  const read = guarded(() => {
    const inside = new Cursor(name.der).enter(contextConstructed(0));
    const type = inside.oid();
    const value = inside.explicit(0);
    return type === userPrincipalName && value?.at(tag.utf8String) ? value.text() : undefined;
  });
  return read.ok ? read.value : undefined;
}
