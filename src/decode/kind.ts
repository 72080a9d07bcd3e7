import { decodeBer, oidElement, oids, tag } from '../protocol/der/index.js';
import type { CaptureKind } from './field.js';
import { type Opening, openingAt, openingsIn } from './outline.js';

/** Limits for looking only: what a message may really cost is the reader's business. */
const lookLimits = { maxBytes: 1024 * 1024, maxDepth: 64, maxNodes: 200_000 };

export interface Looked {
  /** DER, where BER could be rewritten as such; else as given. */
  readonly bytes: Buffer;
  /** `broken`: neither, and `fault` says where. */
  readonly encoding: 'DER' | 'BER' | 'broken';
}

/** How the whole is encoded. */
export function lookAt(bytes: Buffer): Looked {
  const read = decodeBer(bytes, lookLimits, (cursor) => cursor.element());
  if (!read.ok) return { bytes, encoding: 'broken' };
  return read.value.equals(bytes) ? { bytes, encoding: 'DER' } : { bytes: read.value, encoding: 'BER' };
}

const isTime = (opening: Opening | undefined): boolean => opening?.tagByte === tag.utcTime || opening?.tagByte === tag.generalizedTime;
const isSequence = (opening: Opening | undefined): boolean => opening?.tagByte === tag.sequence;

/** What the first few headers make it look like; broken messages too, as long as they begin as they should. */
export function kindOf(bytes: Buffer): CaptureKind {
  const whole = openingAt(bytes, 0);
  if (whole === undefined || !isSequence(whole)) return 'unknown';
  const [first] = openingsIn(bytes, whole, 1);
  if (first?.tagByte === tag.oid) return kindOfContent(bytes, whole, first);
  return first !== undefined && isSequence(first) ? kindOfFields(bytes, openingsIn(bytes, first, 6)) : 'unknown';
}

function kindOfContent(bytes: Buffer, whole: Opening, type: Opening): CaptureKind {
  const oid = bytes.subarray(type.offset, type.end);
  if (oid.equals(oidElement(oids.envelopedData))) return 'envelope';
  if (!oid.equals(oidElement(oids.signedData))) return 'unknown';
  return isDegenerate(bytes, whole) ? 'certificates' : 'scep';
}

/** SignedData that ends with an empty signerInfos. */
function isDegenerate(bytes: Buffer, whole: Opening): boolean {
  const content = openingsIn(bytes, whole, 2)[1];
  const signedData = content === undefined ? undefined : openingsIn(bytes, content, 1)[0];
  const signers = signedData === undefined ? undefined : openingsIn(bytes, signedData, 8).at(-1);
  return signers?.tagByte === tag.set && signers.length === 0;
}

/** The first fields of what is signed tell a PKIHeader, a TBSCertificate, a CertificationRequestInfo and a TBSCertList apart. */
function kindOfFields(bytes: Buffer, fields: readonly Opening[]): CaptureKind {
  const [first, second, third, fourth] = fields;
  if (first?.tagByte === tag.integer && ((second?.tagByte ?? 0) & 0xc0) === 0x80) return 'cmp';
  if (first?.tagByte === 0xa0) return 'certificate';
  if (isSequence(first) && isSequence(second) && isTime(third)) return 'crl';
  if (first?.tagByte !== tag.integer || second === undefined || !isSequence(second)) return 'unknown';
  if (isSequence(third) && isTime(fourth)) return 'crl';
  const [inside] = openingsIn(bytes, second, 1);
  return inside?.tagByte === tag.oid ? 'certificate' : 'pkcs10';
}
