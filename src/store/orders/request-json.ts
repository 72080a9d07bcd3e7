import type { CertificateRequest } from '../../enrolment/ports.js';

interface StoredRequest extends Omit<CertificateRequest, 'publicKey' | 'subject' | 'sans' | 'pkcs10'> {
  readonly publicKey: string;
  readonly subject: string;
  readonly sans: readonly string[];
  readonly pkcs10?: string;
}

/** A certificate request as stored with an open order: DER as base64. */
export function requestToJson(request: CertificateRequest): string {
  const stored: StoredRequest = {
    publicKey: request.publicKey.toString('base64'),
    subject: request.subject.toString('base64'),
    sans: request.sans.map((san) => san.toString('base64')),
    keyUsage: request.keyUsage,
    extendedKeyUsage: request.extendedKeyUsage,
    validitySeconds: request.validitySeconds,
    backdateSeconds: request.backdateSeconds,
    ...(request.pkcs10 === undefined ? {} : { pkcs10: request.pkcs10.toString('base64') }),
  };
  return JSON.stringify(stored);
}

export function requestFromJson(json: unknown): CertificateRequest {
  const { publicKey, subject, sans, pkcs10, ...rest } = json as StoredRequest;
  return {
    ...rest,
    publicKey: Buffer.from(publicKey, 'base64'),
    subject: Buffer.from(subject, 'base64'),
    sans: sans.map((san) => Buffer.from(san, 'base64')),
    ...(pkcs10 === undefined ? {} : { pkcs10: Buffer.from(pkcs10, 'base64') }),
  };
}
