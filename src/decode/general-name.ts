import type { GeneralName, GeneralNameType } from '../pkix/index.js';
import { type Field, field } from './field.js';
import { byteCount } from './words.js';

const names: Readonly<Record<GeneralNameType, string>> = {
  other: 'otherName',
  email: 'rfc822Name',
  dns: 'dNSName',
  x400: 'x400Address',
  directory: 'directoryName',
  ediParty: 'ediPartyName',
  uri: 'uniformResourceIdentifier',
  ip: 'iPAddress',
  registeredId: 'registeredID',
};

const readable: readonly GeneralNameType[] = ['email', 'dns', 'directory', 'uri', 'ip'];

/** RFC 5280 section 4.2.1.6, the alternatives by their names there. */
export function generalNameField(item: GeneralName): Field {
  return field(names[item.type], generalNameText(item));
}

export function generalNameText({ type, text, der }: GeneralName): string {
  if (!readable.includes(type)) return byteCount(der);
  return text === '' ? '(empty)' : text;
}

/** With its type, for places that take any. */
export function typedName(item: GeneralName): string {
  return item.type === 'directory' ? generalNameText(item) : `${names[item.type]} ${generalNameText(item)}`;
}
