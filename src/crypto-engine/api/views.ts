import { type Certificate, certificateFingerprint, commonNameOf, crlReasons, nameToText, parseCertificate, serialHex, toPem } from '../../pkix/index.js';
import type { Engine, RecordedCertificate } from '../ports.js';
import { engineProfiles } from './profiles.js';

const timeText = (time: Date): string => time.toISOString().replace(/\.\d{3}Z$/, 'Z');

function read(der: Buffer): Certificate {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

/** The issuing CA as lists show it. */
export function authorityView(caId: string, der: Buffer, now: Date) {
  const certificate = read(der);
  return {
    id: caId,
    name: commonNameOf(certificate.subject) ?? caId,
    subject: nameToText(certificate.subject),
    status: certificate.notAfter > now ? ('ACTIVE' as const) : ('EXPIRED' as const),
    notAfter: timeText(certificate.notAfter),
    profiles: engineProfiles.map(({ id, name, keyAlgorithms, maxValidityDays }) => ({ id, name, keyAlgorithms, maxValidityDays })),
  };
}

/** Issuing CA first, root last, with the ETag of exactly this chain. */
export function chainView(engine: Engine): { readonly body: { readonly certificates: readonly string[] }; readonly tag: string } {
  const chain = engine.chain();
  const tag = `"${certificateFingerprint(Buffer.concat([...chain])).toString('base64url')}"`;
  return { body: { certificates: chain.map((der) => toPem('CERTIFICATE', der)) }, tag };
}

/** The chain of this certificate, which a CA that has retired since may have issued. */
function chainOf(engine: Engine, certificate: Certificate): readonly Buffer[] {
  const [root, ...others] = engine.cas().map((ca) => ca.certificate);
  const issuer = others.find((der) => read(der).subject.der.equals(certificate.issuer.der));
  return issuer === undefined || root === undefined ? engine.chain() : [issuer, root];
}

function statusOf({ revokedAt, reason }: RecordedCertificate, { notAfter }: Certificate, now: Date): 'ACTIVE' | 'ON_HOLD' | 'REVOKED' | 'EXPIRED' {
  if (revokedAt !== null) return reason === crlReasons.indexOf('certificateHold') ? 'ON_HOLD' : 'REVOKED';
  return notAfter <= now ? 'EXPIRED' : 'ACTIVE';
}

export function certificateView(engine: Engine, recorded: RecordedCertificate, now: Date, profileId?: string) {
  const certificate = read(recorded.certificate);
  return {
    serialNumber: serialHex(certificate.serial),
    status: statusOf(recorded, certificate, now),
    certificate: toPem('CERTIFICATE', certificate.der),
    chain: chainOf(engine, certificate).map((der) => toPem('CERTIFICATE', der)),
    subject: nameToText(certificate.subject),
    issuer: nameToText(certificate.issuer),
    notBefore: timeText(certificate.notBefore),
    notAfter: timeText(certificate.notAfter),
    fingerprintSha256: certificateFingerprint(certificate.der).toString('hex'),
    ...(profileId === undefined ? {} : { profileId }),
    ...(recorded.revokedAt === null ? {} : { revokedAt: timeText(recorded.revokedAt), revocationReason: crlReasons[recorded.reason ?? 0] ?? 'unspecified' }),
  };
}
