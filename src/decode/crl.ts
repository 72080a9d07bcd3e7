import { type CertificateList, crlReasons, parseCrl, serialHex } from '../pkix/index.js';
import { nameText, signatureAlgorithmField } from './certificate.js';
import { extensionsField } from './extensions.js';
import { type Field, field, group, listed } from './field.js';
import { byteCount, timeText } from './words.js';

const maxRevoked = 100;
const maxLists = 8;

/** RFC 5280 section 5.1. */
export function crlFields(crl: CertificateList): Field[] {
  return [
    field('version', crl.version),
    field('issuer', nameText(crl.issuer)),
    field('thisUpdate', timeText(crl.thisUpdate)),
    field('nextUpdate', crl.nextUpdate === undefined ? 'absent' : timeText(crl.nextUpdate)),
    group('revokedCertificates', crl.revoked.length === 0 ? 'none' : crl.revoked.length, listed(crl.revoked, maxRevoked, revokedField)),
    extensionsField('crlExtensions', crl.extensions),
    signatureAlgorithmField('signatureAlgorithm', crl.signatureAlgorithm),
    field('signature', 'needs the certificate of the issuer', { verdict: 'unknown' }),
  ];
}

/** The CRLs beside certificates in a SignedData, as the answer to GetCRL carries one. */
export function crlsField(crls: readonly Buffer[]): Field {
  return group(
    'crls',
    crls.length === 0 ? 'none' : crls.length,
    listed(crls, maxLists, (bytes, index) => {
      const crl = parseCrl(bytes);
      if (crl.ok) return group(`[${index}]`, nameText(crl.value.issuer), crlFields(crl.value));
      return field(`[${index}]`, byteCount(bytes), { verdict: 'failed', note: crl.error.message });
    }),
  );
}

function revokedField({ serial, revokedAt, reason }: CertificateList['revoked'][number]): Field {
  return field(serialHex(serial), `${timeText(revokedAt)}, ${crlReasons[reason] ?? `reason ${reason}`}`);
}
