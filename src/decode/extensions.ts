import {
  basicConstraintsOf,
  type Extension,
  extendedKeyUsageOf,
  type GeneralName,
  keyUsageOf,
  readGeneralName,
  subjectAltNames,
  subjectKeyIdentifierOf,
} from '../pkix/index.js';
import { Cursor, contextPrimitive, guarded, oids } from '../protocol/der/index.js';
import { type Field, field, group, listed } from './field.js';
import { generalNameField, typedName } from './general-name.js';
import { byteCount, hexText, hiddenText, oidName, unshown } from './words.js';

const maxShown = 40;

/** Extensions in words, as far as we know them. */
export function extensionsField(name: string, extensions: readonly Extension[]): Field {
  return group(name, extensions.length === 0 ? 'none' : extensions.length, listed(extensions, maxShown, extensionField));
}

export function extensionField(extension: Extension): Field {
  const shown = readers[extension.oid]?.(extension) ?? { value: unshown(extension.value) };
  const note = [extension.critical ? 'critical' : '', shown.note ?? ''].filter((part) => part !== '').join('; ');
  return { name: oidName(extension.oid), ...shown, ...(note !== '' && { note }) };
}

type Shown = Omit<Field, 'name'>;
type Reader = (extension: Extension) => Shown;

const malformed = (extension: Extension): Shown => ({ value: byteCount(extension.value), verdict: 'failed', note: 'malformed' });

/** `read` over the whole value; what it throws makes the extension malformed. */
function whole(read: (cursor: Cursor) => Shown): Reader {
  return (extension) => {
    const result = guarded(() => {
      const cursor = new Cursor(extension.value);
      const shown = read(cursor);
      cursor.end();
      return shown;
    });
    return result.ok ? result.value : malformed(extension);
  };
}

const subjectAltNameWords: Reader = (extension) => {
  const names = subjectAltNames([extension]);
  return names.ok ? { value: String(names.value.length), fields: listed(names.value, maxShown, generalNameField) } : malformed(extension);
};

const keyUsageWords: Reader = (extension) => {
  const usage = keyUsageOf([extension]);
  return usage.ok ? { value: (usage.value ?? []).join(', ') || 'none' } : malformed(extension);
};

const extKeyUsageWords: Reader = (extension) => {
  const usage = extendedKeyUsageOf([extension]);
  return usage.ok ? { value: (usage.value ?? []).slice(0, maxShown).map(oidName).join(', ') } : malformed(extension);
};

const basicConstraintsWords: Reader = (extension) => {
  const constraints = basicConstraintsOf([extension]);
  if (!constraints.ok) return malformed(extension);
  const { ca, pathLength } = constraints.value;
  return { value: `${ca ? 'a CA' : 'not a CA'}${pathLength === undefined ? '' : `, pathLenConstraint ${pathLength}`}` };
};

const subjectKeyIdentifierWords: Reader = (extension) => {
  const identifier = subjectKeyIdentifierOf([extension]);
  return identifier === undefined ? malformed(extension) : { value: hexText(identifier) };
};

/** RFC 5280 section 4.2.1.1: keyIdentifier [0], the other two are rare. */
const authorityKeyIdentifierWords = whole((cursor) => {
  const fields = cursor.sequence();
  const identifier = fields.at(contextPrimitive(0)) ? hexText(fields.content(contextPrimitive(0))) : 'no keyIdentifier';
  const hasMore = !fields.isEmpty;
  fields.rest();
  return { value: hasMore ? `${identifier}, with issuer and serial` : identifier };
});

/** RFC 5280 section 4.2.1.13: the full names of each point. */
const distributionPointWords = whole((cursor) => {
  const points = cursor.sequence().each((item) => {
    const point = item.sequence();
    const names = point.explicit(0)?.explicit(0)?.each(readGeneralName) ?? [];
    point.rest();
    return names;
  });
  return namesShown(points.flat());
});

const namesShown = (names: readonly GeneralName[]): Shown => ({ value: names.slice(0, maxShown).map(typedName).join(', ') || 'none' });

/** RFC 5280 section 4.2.2.1. */
const accessWords = whole((cursor) => {
  const descriptions = cursor.sequence().each((item) => {
    const fields = item.sequence();
    const method = oidName(fields.oid());
    const location = readGeneralName(fields);
    fields.end();
    return field(method, typedName(location));
  });
  return { value: String(descriptions.length), fields: listed(descriptions, maxShown, (item) => item) };
});

const policyWords = whole((cursor) => {
  const policies = cursor.sequence().each((item) => {
    const fields = item.sequence();
    const oid = fields.oid();
    fields.rest();
    return oid;
  });
  return { value: policies.slice(0, maxShown).join(', ') };
});

/** CRLReason and cRLNumber. */
const numberWords = whole((cursor) => ({ value: String(cursor.smallInteger(cursor.peekTag())) }));

/** Some clients put the challenge among the extensions. */
const challengeWords: Reader = whole((cursor) => ({ value: hiddenText(cursor.text()), note: 'never shown' }));

/** The certificate type extension that Microsoft's CAs choose a template by. */
const templateNameWords = whole((cursor) => ({ value: cursor.text() }));

const readers: Readonly<Record<string, Reader>> = {
  [oids.subjectAltName]: subjectAltNameWords,
  [oids.keyUsage]: keyUsageWords,
  [oids.extKeyUsage]: extKeyUsageWords,
  [oids.basicConstraints]: basicConstraintsWords,
  [oids.subjectKeyIdentifier]: subjectKeyIdentifierWords,
  [oids.authorityKeyIdentifier]: authorityKeyIdentifierWords,
  [oids.cRLDistributionPoints]: distributionPointWords,
  [oids.authorityInfoAccess]: accessWords,
  [oids.certificatePolicies]: policyWords,
  [oids.crlNumber]: numberWords,
  [oids.reasonCode]: numberWords,
  [oids.challengePassword]: challengeWords,
  [oids.microsoftTemplateName]: templateNameWords,
};
