import { parseCertificate, parseCsr, readCrl } from '../pkix/index.js';
import { decode, type Limits } from '../protocol/der/index.js';
import { bounded, maxInputBytes } from './bounds.js';
import { certificateFields } from './certificate.js';
import { cmpFields } from './cmp.js';
import { crlFields } from './crl.js';
import { csrFields } from './csr.js';
import { cutField, faultField, structureField } from './fault.js';
import { type Capture, type CaptureKind, type Field, field, type Verdict } from './field.js';
import type { DecodeKeys } from './keys.js';
import { kindOf, lookAt } from './kind.js';
import { degenerateFields, scepFields } from './scep.js';
import { bareEnvelopeFields } from './scep-content.js';
import { byteCount } from './words.js';

/**
 * Shows a captured message field by field, with the verdict of every check: SCEP and CMP messages, and what goes with them. Never throws
 * on any bytes; malformed ones give a field `fault`, and what could be read before it. No secret stands in the result: challenges and
 * values of unknown types are shown by their length alone. At most `maxInputBytes` are looked at.
 */
export async function decodeCapture(bytes: Buffer, keys: DecodeKeys = {}): Promise<Capture> {
  if (bytes.length > maxInputBytes)
    return { kind: 'unknown', fields: [field('size', byteCount(bytes), { verdict: 'failed', note: `more than ${maxInputBytes} are not read` })] };
  const looked = lookAt(bytes);
  const kind = kindOf(looked.bytes);
  const fields = [sizeField(bytes, looked.encoding), ...cutField(bytes), ...(await readers[kind](bytes, keys))];
  return bounded({ kind, fields });
}

function sizeField(bytes: Buffer, encoding: 'DER' | 'BER' | 'broken'): Field {
  const words = { DER: 'of DER', BER: 'of BER', broken: 'that are neither DER nor BER' }[encoding];
  return field('size', `${byteCount(bytes)} ${words}`, encoding === 'broken' ? { verdict: 'failed' } : {});
}

/** Revocation lists are long. */
const crlLimits: Limits = { maxBytes: maxInputBytes, maxDepth: 32, maxNodes: 200_000 };

const readers: Readonly<Record<CaptureKind, (bytes: Buffer, keys: DecodeKeys) => readonly Field[] | Promise<readonly Field[]>>> = {
  scep: scepFields,
  cmp: cmpFields,
  certificates: degenerateFields,
  envelope: bareEnvelopeFields,
  pkcs10: (bytes) => {
    const csr = parseCsr(bytes);
    return csr.ok ? csrFields(csr.value) : [faultField(csr.error, 'CertificationRequest'), structureField(bytes)];
  },
  certificate: (bytes) => {
    const certificate = parseCertificate(bytes);
    return certificate.ok ? certificateFields(certificate.value) : [faultField(certificate.error, 'Certificate'), structureField(bytes)];
  },
  crl: (bytes) => {
    const crl = decode(bytes, crlLimits, readCrl);
    return crl.ok ? crlFields(crl.value) : [faultField(crl.error, 'CertificateList'), structureField(bytes)];
  },
  unknown: (bytes) => [field('content', 'neither SCEP nor CMP, no PKCS#10 request, certificate or CRL', { verdict: 'failed' }), structureField(bytes)],
};

/** The worst verdict in it; `ok` when nothing failed and everything could be checked. */
export function verdictOf({ fields }: Capture): Verdict {
  const all = (items: readonly Field[]): Verdict[] =>
    items.flatMap((item) => [...(item.verdict === undefined ? [] : [item.verdict]), ...all(item.fields ?? [])]);
  const verdicts = all(fields);
  if (verdicts.includes('failed')) return 'failed';
  return verdicts.includes('unknown') ? 'unknown' : 'ok';
}
