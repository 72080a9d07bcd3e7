import type { EnrolmentService } from '../../enrolment/service.js';
import { type Certificate, isSameName, type Name, parseCertificate, parseName, serialHex } from '../../pkix/index.js';
import type { MessageData } from '../../protocol/scep/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { ScepEndpoint } from '../../tenancy/directory.js';

type Named = Extract<MessageData, { readonly kind: 'issuerAndSerial' }>;
type LookUps = Pick<EnrolmentService, 'findIssued' | 'currentCrl'>;

/**
 * GetCert (RFC 8894 §4.5): the certificate, if this profile issued it and `sender` holds its key, or the profile shows certificates to
 * everyone. The failure is for the operator: devices are told the same for a serial that is unknown and one that is not theirs, so
 * that serials cannot be tried out.
 */
export async function findCertificate(endpoint: ScepEndpoint, enrolment: LookUps, sender: Certificate, named: Named): Promise<Result<Buffer, string>> {
  const serial = serialHex(named.serial);
  const issued = await enrolment.findIssued(endpoint.profile, issuerOf(endpoint, named).der, serial);
  if (issued === undefined) return fail(`GetCert for the unknown serial ${serial}.`);
  const isPublic = endpoint.profile.policy.scep.getCert === 'public';
  return isPublic || isHolder(sender, issued.der) ? ok(issued.der) : fail(`GetCert for the serial ${serial} by someone else.`);
}

function isHolder(sender: Certificate, issued: Buffer): boolean {
  const certificate = parseCertificate(issued);
  return certificate.ok && certificate.value.publicKey.spki.equals(sender.publicKey.spki);
}

/** GetCRL (RFC 8894 §4.6): the newest CRL of the issuing CA, or of one that issued here before. `unknown-issuer`: the CRL asked for is another's; `no-crl`: the CA gives none. */
export async function findCrl(endpoint: ScepEndpoint, enrolment: LookUps, named: Named): Promise<Result<Buffer, 'unknown-issuer' | 'no-crl'>> {
  const [issuing] = endpoint.caChain;
  const { der } = issuerOf(endpoint, named);
  if (issuing === undefined) return fail('unknown-issuer');
  if (!der.equals(issuing.subject.der)) {
    const earlier = await enrolment.currentCrl(endpoint.profile, der);
    return earlier === undefined ? fail('unknown-issuer') : ok(earlier);
  }
  const crl = await enrolment.currentCrl(endpoint.profile);
  return crl === undefined ? fail('no-crl') : ok(crl);
}

/** Clients that build the issuer anew choose other string types than the CA: the name of the CA that is meant, else the name as received. */
function issuerOf(endpoint: ScepEndpoint, named: Named): Pick<Name, 'der'> {
  const name = parseName(named.issuer);
  const known = name.ok ? endpoint.caChain.find((authority) => isSameName(authority.subject, name.value)) : undefined;
  return known?.subject ?? { der: named.issuer };
}
