import { hash } from 'node:crypto';
import { commonNameOf, nameToText, parseCertificate, serialHex } from '../../pkix/index.js';
import type { FailedNotice, IssuedNotice, OrderNotice } from '../../tenancy/challenge-judge.js';

/**
 * What the Intune console shows of an order that failed: an HRESULT with the customer bit set (MS-ERREF section 2.1), one for each way to
 * fail; docs/scep-challenges.md explains them to the reader of that console.
 */
export const failureResults: Readonly<Record<string, number>> = {
  'order-rejected': 0xa000_0001,
  'ca-refused': 0xa000_0002,
  'ca-policy': 0xa000_0007,
  'ca-duplicate': 0xa000_0008,
  'ca-key': 0xa000_0009,
  'ca-proof': 0xa000_000a,
  'order-failed': 0xa000_0003,
  'order-expired': 0xa000_0004,
  'account-held': 0xa000_0005,
  revoked: 0xa000_0006,
};
const otherResult = 0xa000_ffff;

/** The `notification` of a success or a failure, without its caller. */
export function notificationOf(notice: OrderNotice): Readonly<Record<string, unknown>> {
  const common = { transactionId: notice.transactionId, certificateRequest: notice.pkcs10.toString('base64') };
  return notice.kind === 'issued' ? { ...common, ...successOf(notice) } : { ...common, ...failureOf(notice) };
}

function successOf({ certificate: der }: IssuedNotice): Readonly<Record<string, unknown>> {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  const { serial, notAfter, issuer } = parsed.value;
  return {
    certificateThumbprint: hash('sha1', der, 'hex').toUpperCase(),
    certificateSerialNumber: serialHex(serial).toUpperCase(),
    certificateExpirationDateUtc: notAfter.toISOString(),
    issuingCertificateAuthority: commonNameOf(issuer) ?? nameToText(issuer),
  };
}

function failureOf({ code, text }: FailedNotice): Readonly<Record<string, unknown>> {
  return { hResult: failureResults[code] ?? otherResult, errorDescription: text.slice(0, 255) };
}
