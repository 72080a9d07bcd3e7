import { type Certificate, fromPem, parseCertificate, toPem } from '../pkix/index.js';
import { Secret } from '../runtime/secret.js';

/** What this side shows of itself in TLS. */
export interface ClientIdentity {
  /** PEM: the leaf first, then its CAs. */
  readonly certificates: string;
  /** PKCS#8, PEM. */
  readonly key: Secret;
}

/** The identity as a connector keeps it under the name of the file it came in (`pfx`): one PEM text of certificates (DER) and private key (PKCS#8, DER). */
export function identityText(certificates: readonly Buffer[], privateKey: Buffer): string {
  return [...certificates.map((der) => toPem('CERTIFICATE', der)), toPem('PRIVATE KEY', privateKey)].join('\n');
}

/** Reads what `identityText` writes; undefined when there is none. */
export function identityOf(kept: Secret | undefined): ClientIdentity | undefined {
  if (kept === undefined) return undefined;
  const [key] = fromPem('PRIVATE KEY', kept.reveal());
  const certificates = fromPem('CERTIFICATE', kept.reveal());
  if (key === undefined || certificates.length === 0) return undefined;
  return { certificates: certificates.map((der) => toPem('CERTIFICATE', der)).join('\n'), key: new Secret(toPem('PRIVATE KEY', key)) };
}

/** The identity's own certificate; undefined when it cannot be read. */
export function leafOf(identity: ClientIdentity): Certificate | undefined {
  const [der] = fromPem('CERTIFICATE', identity.certificates);
  const parsed = der === undefined ? undefined : parseCertificate(der);
  return parsed?.ok ? parsed.value : undefined;
}
