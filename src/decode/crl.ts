import { type CertificateList, crlReasons, serialHex } from '../pkix/index.js';
import { nameText, signatureAlgorithmField } from './certificate.js';
import { extensionsField } from './extensions.js';
import { type Field, field, group, listed } from './field.js';
import { timeText } from './words.js';

const maxRevoked = 100;

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

function revokedField({ serial, revokedAt, reason }: CertificateList['revoked'][number]): Field {
  return field(serialHex(serial), `${timeText(revokedAt)}, ${crlReasons[reason] ?? `reason ${reason}`}`);
}
