import {
  type Certificate,
  certificateFingerprint,
  fingerprintText,
  type Name,
  nameToText,
  parseCertificate,
  type SignatureFault,
  serialHex,
  verifyCertificate,
} from '../pkix/index.js';
import { extensionsField } from './extensions.js';
import { type Field, field, group, listed } from './field.js';
import { publicKeyField } from './public-key.js';
import { algorithmName, byteCount, timeText, weaknessOf } from './words.js';

const maxCertificates = 20;

export function nameText(name: Name): string {
  return nameToText(name) || '(empty name)';
}

export const signatureFaults: Readonly<Record<SignatureFault, string>> = {
  'algorithm-unknown': 'the algorithm is not served',
  'algorithm-mismatch': 'the algorithm does not fit the key',
  'key-unusable': 'the key cannot be used',
  'signature-invalid': 'the signature is not valid',
};

export function signatureAlgorithmField(name: string, algorithm: Certificate['signatureAlgorithm']): Field {
  const words = algorithmName(algorithm);
  const weakness = weaknessOf(words);
  return field(name, words, weakness === undefined ? {} : { note: weakness });
}

/** RFC 5280 section 4.1. Whether it is trusted or in time is not said: that depends on who asks and when. */
export function certificateField(name: string, certificate: Certificate): Field {
  return group(name, nameText(certificate.subject), certificateFields(certificate));
}

export function certificateFields(certificate: Certificate): Field[] {
  return [
    field('version', certificate.version),
    field('serialNumber', serialHex(certificate.serial)),
    field('issuer', nameText(certificate.issuer)),
    field('subject', nameText(certificate.subject)),
    field('validity', `${timeText(certificate.notBefore)} to ${timeText(certificate.notAfter)}`),
    publicKeyField('subjectPublicKeyInfo', certificate.publicKey),
    signatureAlgorithmField('signatureAlgorithm', certificate.signatureAlgorithm),
    selfSignedField(certificate),
    extensionsField('extensions', certificate.extensions),
    field('SHA-256 fingerprint', fingerprintText(certificateFingerprint(certificate.der))),
  ];
}

function selfSignedField(certificate: Certificate): Field {
  if (!certificate.issuer.der.equals(certificate.subject.der)) return field('self-signed', 'no');
  const verified = verifyCertificate(certificate, certificate.publicKey);
  return field('self-signed', 'yes', verified.ok ? { verdict: 'ok' } : { verdict: 'failed', note: signatureFaults[verified.error] });
}

/** Certificates as they came, in their order; those that cannot be read say why. */
export function certificateList(name: string, certificates: readonly Buffer[]): Field {
  return group(
    name,
    certificates.length === 0 ? 'none' : certificates.length,
    listed(certificates, maxCertificates, (bytes, index) => {
      const parsed = parseCertificate(bytes);
      if (parsed.ok) return certificateField(`[${index}]`, parsed.value);
      return field(`[${index}]`, byteCount(bytes), { verdict: 'failed', note: parsed.error.message });
    }),
  );
}
