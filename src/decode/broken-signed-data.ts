import { parseCertificate } from '../pkix/index.js';
import { readEnvelopedData } from '../protocol/cms/index.js';
import { contextConstructed, decodeBer, scepLimits, tag } from '../protocol/der/index.js';
import { certificateField } from './certificate.js';
import { envelopeFields } from './envelope.js';
import { type Field, group, listed } from './field.js';
import { type Opening, openingAt, openingsIn } from './outline.js';

const maxCertificates = 20;

/** Of a SignedData that breaks off or breaks a rule: the envelope and the certificates in it, where they are whole. */
export function partsOfSignedData(bytes: Buffer): Field[] {
  const parts = fieldsOf(bytes);
  return [...envelopeIn(bytes, parts), ...certificatesIn(bytes, parts)];
}

/** ContentInfo, its content, SignedData: by the tags alone. */
function fieldsOf(bytes: Buffer): readonly Opening[] {
  const contentInfo = openingAt(bytes, 0);
  const content = contentInfo && openingsIn(bytes, contentInfo).find(isFirstTagged);
  const [signedData] = content === undefined ? [] : openingsIn(bytes, content, 1);
  return signedData === undefined ? [] : openingsIn(bytes, signedData);
}

const isFirstTagged = ({ tagByte }: Opening): boolean => tagByte === contextConstructed(0);

function envelopeIn(bytes: Buffer, parts: readonly Opening[]): Field[] {
  const encapsulated = parts.find(({ tagByte }) => tagByte === tag.sequence);
  const content = encapsulated && openingsIn(bytes, encapsulated).find(isFirstTagged);
  const [octets] = content === undefined ? [] : openingsIn(bytes, content, 1);
  if (octets === undefined || octets.isCut || octets.tagByte !== tag.octetString) return [];
  const envelope = decodeBer(bytes.subarray(octets.contentStart, octets.end), scepLimits, readEnvelopedData);
  return envelope.ok ? [group('pkcsPKIEnvelope', 'whole', envelopeFields(envelope.value, []))] : [];
}

function certificatesIn(bytes: Buffer, parts: readonly Opening[]): Field[] {
  const set = parts.find(isFirstTagged);
  const items = set === undefined ? [] : openingsIn(bytes, set, maxCertificates);
  const found = items.flatMap((item) => {
    const parsed = item.isCut ? undefined : parseCertificate(bytes.subarray(item.offset, item.end));
    return parsed?.ok === true ? [parsed.value] : [];
  });
  if (found.length === 0) return [];
  return [
    group(
      'certificates',
      'those that could be read',
      listed(found, maxCertificates, (item, index) => certificateField(`[${index}]`, item)),
    ),
  ];
}
