import { buildName, dnsName, type GeneralName, ipName, type Name, uriName } from '../../../src/pkix/index.js';
import { der, encode } from '../../../src/protocol/der/index.js';

/** EJBCA's words for attribute types, in the order it gives them in a DN. */
const types: readonly (readonly [label: string, oid: string])[] = [
  ['E', '1.2.840.113549.1.9.1'],
  ['UID', '0.9.2342.19200300.100.1.1'],
  ['CN', '2.5.4.3'],
  ['SN', '2.5.4.5'],
  ['GIVENNAME', '2.5.4.42'],
  ['SURNAME', '2.5.4.4'],
  ['T', '2.5.4.12'],
  ['OU', '2.5.4.11'],
  ['O', '2.5.4.10'],
  ['L', '2.5.4.7'],
  ['ST', '2.5.4.8'],
  ['DC', '0.9.2342.19200300.100.1.25'],
  ['C', '2.5.4.6'],
  ['unstructuredName', '1.2.840.113549.1.9.2'],
  ['unstructuredAddress', '1.2.840.113549.1.9.8'],
];

const rank = (oid: string): number => types.findIndex(([, type]) => type === oid);

/** `CN=a,O=b`, always in EJBCA's order. */
export function nameText(name: Name): string {
  return name.rdns
    .flat()
    .map((attribute, index) => ({ attribute, index }))
    .sort((left, right) => rank(left.attribute.type) - rank(right.attribute.type) || right.index - left.index)
    .map(({ attribute }) => `${types[rank(attribute.type)]?.[0] ?? attribute.type}=${attribute.text.replace(/[\\,+"<>;=]/g, '\\$&')}`)
    .join(',');
}

/** A name from EJBCA's words. Throws on a type that it does not know. */
export function nameFrom(text: string, isOwnOrder: boolean): Name {
  const attributes = parts(text).map((part) => {
    const at = part.indexOf('=');
    const label = part.slice(0, at).trim();
    const type = types.find(([known]) => known.toLowerCase() === label.toLowerCase())?.[1];
    if (type === undefined) throw new Error(`unknown DN component ${label}`);
    return [type, part.slice(at + 1).replace(/\\(.)/g, '$1')] as const;
  });
  return buildName(isOwnOrder ? [...attributes].sort((left, right) => rank(left[0]) - rank(right[0])) : attributes.reverse());
}

/** The same name with its parts in EJBCA's order. */
export function inOwnOrder(name: Name): Name {
  return buildName(
    name.rdns
      .flat()
      .map(({ type, text }) => [type, text] as const)
      .sort((left, right) => rank(left[0]) - rank(right[0])),
  );
}

export function altNamesFrom(text: string): GeneralName[] {
  return parts(text).map((part) => {
    const [label = '', value = ''] = [part.slice(0, part.indexOf('=')).trim().toLowerCase(), part.slice(part.indexOf('=') + 1).replace(/\\(.)/g, '$1')];
    if (label === 'dnsname') return dnsName(value);
    if (label === 'ipaddress') return ipName(value);
    if (label === 'uniformresourceidentifier') return uriName(value);
    if (label === 'rfc822name') return { type: 'email', text: value, der: encode(der.implicitPrimitive(1, Buffer.from(value, 'latin1'))) };
    throw new Error(`unknown alternative name ${label}`);
  });
}

function parts(text: string): string[] {
  return (text.match(/(?:\\.|[^,\\])+/g) ?? []).map((part) => part.trim()).filter((part) => part !== '');
}
