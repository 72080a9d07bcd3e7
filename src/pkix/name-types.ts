import { oids } from '../protocol/der/index.js';

/** Attribute types by the short name people write them with (RFC 4514 section 3, OpenSSL for the rest). */
export const shortNames: Readonly<Record<string, string>> = {
  [oids.commonName]: 'CN',
  [oids.surname]: 'SN',
  [oids.serialNumber]: 'serialNumber',
  [oids.countryName]: 'C',
  [oids.localityName]: 'L',
  [oids.stateOrProvinceName]: 'ST',
  [oids.streetAddress]: 'STREET',
  [oids.organizationName]: 'O',
  [oids.organizationalUnitName]: 'OU',
  [oids.title]: 'title',
  [oids.givenName]: 'GN',
  [oids.dnQualifier]: 'dnQualifier',
  [oids.domainComponent]: 'DC',
  [oids.userId]: 'UID',
  [oids.emailAddress]: 'emailAddress',
  [oids.unstructuredName]: 'unstructuredName',
  [oids.unstructuredAddress]: 'unstructuredAddress',
};

/** OIDs by short name in lower case. */
export const typesByShortName: ReadonlyMap<string, string> = new Map(Object.entries(shortNames).map(([oid, name]) => [name.toLowerCase(), oid]));
