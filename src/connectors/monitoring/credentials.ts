import { fromPem, nameToText, parseCertificate } from '../../pkix/index.js';
import type { CredentialLife } from '../../tenancy/connector-health.js';

/** When the certificates of a CA's chain end, DER; what cannot be read is left out. */
export function chainLives(chain: readonly Buffer[]): readonly CredentialLife[] {
  return chain.flatMap((der) => lifeOf('ca-certificate', der));
}

/** When a client certificate ends; PEM, our own certificate first. */
export function clientCertificateLife(pem: string | undefined): readonly CredentialLife[] {
  const [own] = pem === undefined ? [] : fromPem('CERTIFICATE', pem);
  return own === undefined ? [] : lifeOf('client-certificate', own);
}

function lifeOf(kind: CredentialLife['kind'], der: Buffer): readonly CredentialLife[] {
  const parsed = parseCertificate(der);
  if (!parsed.ok) return [];
  const { subject, notBefore, notAfter } = parsed.value;
  return [{ kind, subject: nameToText(subject).slice(0, 200), notBefore, notAfter }];
}
