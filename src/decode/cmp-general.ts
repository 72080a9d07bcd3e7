import { type AlgorithmIdentifier, parseCertificate, readAlgorithmIdentifier } from '../pkix/index.js';
import {
  type CrlStatus,
  type InfoTypeAndValue,
  infoValueOf,
  readCertReqTemplate,
  readCrlStatus,
  readLanguageTags,
  readListOf,
  readRootCaKeyUpdate,
} from '../protocol/cmp/index.js';
import { Cursor, guarded, oids, tag } from '../protocol/der/index.js';
import { certificateField, certificateList } from './certificate.js';
import { templateField } from './cmp-request.js';
import { crlsField } from './crl.js';
import { type Field, field, group, listed, optional } from './field.js';
import { typedName } from './general-name.js';
import { algorithmName, byteCount, oidName, timeText, unshown } from './words.js';

const maxItems = 40;

/** InfoTypeAndValue by name, with the values of the types that RFC 9810 section 5.3.19 defines: genm, genp, and generalInfo of a header. */
export function infoItemsField(name: string, items: readonly InfoTypeAndValue[]): Field {
  return group(name, items.length, listed(items, maxItems, infoItemField));
}

function infoItemField(item: InfoTypeAndValue): Field {
  const { infoType, infoValue } = item;
  const name = oidName(infoType);
  if (infoValue === undefined) return field(name, 'without a value');
  const reader = readers[infoType];
  if (reader === undefined) return field(name, unshown(infoValue));
  const read = guarded(() => infoValueOf(item, (cursor) => reader(cursor, name)));
  return read.ok ? read.value : field(name, byteCount(infoValue), { verdict: 'failed', note: 'malformed' });
}

type Reader = (cursor: Cursor, name: string) => Field;

const sequences = (cursor: Cursor): Buffer[] => readListOf(cursor, (item) => item.elementOf(tag.sequence));
const oneCertificate: Reader = (cursor, name) => certificateOf(name, cursor.elementOf(tag.sequence));
const oneAlgorithm: Reader = (cursor, name) => field(name, algorithmText(readAlgorithmIdentifier(cursor)));
const algorithms: Reader = (cursor, name) => field(name, readListOf(cursor, (item) => algorithmText(readAlgorithmIdentifier(item))).join(', '));

const readers: Readonly<Record<string, Reader>> = {
  [oids.implicitConfirm]: (cursor, name) => {
    cursor.null();
    return field(name, 'asked for, or granted');
  },
  [oids.confirmWaitTime]: (cursor, name) => field(name, timeText(cursor.generalizedTime())),
  [oids.certProfile]: (cursor, name) => field(name, readLanguageTags(cursor).join(', ')),
  [oids.suppLangTags]: (cursor, name) => field(name, readLanguageTags(cursor).join(', ')),
  [oids.caProtEncCert]: oneCertificate,
  [oids.rootCaCert]: oneCertificate,
  [oids.signKeyPairTypes]: algorithms,
  [oids.encKeyPairTypes]: algorithms,
  [oids.preferredSymmAlg]: oneAlgorithm,
  [oids.keyPairParamReq]: (cursor, name) => field(name, oidName(cursor.oid())),
  [oids.keyPairParamRep]: oneAlgorithm,
  [oids.unsupportedOIDs]: (cursor, name) => field(name, readListOf(cursor, (item) => oidName(item.oid())).join(', ')),
  [oids.caCerts]: (cursor, name) => certificateList(name, sequences(cursor)),
  [oids.currentCRL]: (cursor) => crlsField([cursor.elementOf(tag.sequence)]),
  [oids.crls]: (cursor) => crlsField(sequences(cursor)),
  [oids.crlStatusList]: (cursor, name) => group(name, '', listed(readListOf(cursor, readCrlStatus), maxItems, crlStatusField)),
  [oids.rootCaKeyUpdate]: readRootUpdate,
  [oids.caKeyUpdateInfo]: readKeyUpdate,
  [oids.certReqTemplate]: readTemplate,
};

function certificateOf(name: string, bytes: Buffer): Field {
  const parsed = parseCertificate(bytes);
  return parsed.ok ? certificateField(name, parsed.value) : field(name, byteCount(bytes), { verdict: 'failed', note: parsed.error.message });
}

/** For keys the parameters say more than the name: the curve. */
function algorithmText(algorithm: AlgorithmIdentifier): string {
  const { parameters } = algorithm;
  const curve = parameters?.[0] === tag.oid ? guarded(() => new Cursor(parameters).oid()) : undefined;
  return curve?.ok ? `${algorithmName(algorithm)} (${oidName(curve.value)})` : algorithmName(algorithm);
}

function crlStatusField({ source, names, thisUpdate }: CrlStatus): Field {
  return group('CRLStatus', source, [
    ...listed(names, maxItems, (name) => field(source === 'dpn' ? 'distributionPoint' : 'issuer', typedName(name))),
    ...optional(thisUpdate, (time) => field('thisUpdate', timeText(time))),
  ]);
}

function readRootUpdate(cursor: Cursor, name: string): Field {
  const { newWithNew, newWithOld, oldWithNew } = readRootCaKeyUpdate(cursor);
  return group(name, '', [
    certificateOf('newWithNew', newWithNew),
    ...optional(newWithOld, (bytes) => certificateOf('newWithOld', bytes)),
    ...optional(oldWithNew, (bytes) => certificateOf('oldWithNew', bytes)),
  ]);
}

function readKeyUpdate(cursor: Cursor, name: string): Field {
  const fields = cursor.sequence();
  const parts = (['oldWithNew', 'newWithOld', 'newWithNew'] as const).map((part) => certificateOf(part, fields.elementOf(tag.sequence)));
  fields.end();
  return group(name, '', parts);
}

function readTemplate(cursor: Cursor, name: string): Field {
  const { certTemplate, keySpec = [] } = readCertReqTemplate(cursor);
  const specified = listed(keySpec, maxItems, ({ type, value }) => {
    if (type === oids.rsaKeyLenCtrl) return field('rsaKeyLen', new Cursor(value).smallInteger());
    if (type === oids.algIdCtrl) return field('algId', algorithmText(readAlgorithmIdentifier(new Cursor(value))));
    return field(oidName(type), unshown(value));
  });
  return group(name, '', [templateField(certTemplate), ...(specified.length === 0 ? [] : [group('keySpec', specified.length, specified)])]);
}
