import { basicConstraintsOf, type Certificate, certificateFingerprint, extendedKeyUsageOf, fingerprintText, nameToText, serialHex } from '../../pkix/index.js';
import { oids } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { identityText } from '../../tenancy/client-identity.js';
import type { ClientCertificateFacts } from '../../tenancy/ejbca-config.js';
import { Problem } from '../problem.js';
import { type PfxIdentity, readPfx } from '../ra-keys/read-pfx.js';

type Settings = Readonly<Record<string, unknown>>;

/**
 * Settings of an EJBCA connector with the uploaded PFX turned into what is kept of it: certificate and key in the form that TLS wants, and
 * their facts to look at. File and password are dropped. Without an upload the facts are those of `current`. Throws 400 on a file that is
 * of no use.
 */
export async function withClientCertificate(settings: Settings, current: Settings | undefined, now: Date): Promise<Settings> {
  const { pfx, pfxPassword, clientCertificate: _shown, ...others } = settings;
  if (typeof pfx === 'string') {
    const read = await readPfx(Buffer.from(pfx, 'base64'), typeof pfxPassword === 'string' ? pfxPassword : '');
    const chosen = read.ok ? choose(read.value, now) : read;
    if (!chosen.ok) return refused(chosen.error);
    const { certificate, chain, privateKey } = chosen.value;
    const kept = identityText(
      [certificate, ...chain].map(({ der }) => der),
      privateKey.reveal(),
    );
    return { ...others, pfx: kept, clientCertificate: factsOf(certificate) };
  }
  if (typeof pfxPassword === 'string' && pfxPassword !== '') refuse('config.pfxPassword', 'Goes with the PFX that it opens; send both');
  const shown = current?.clientCertificate;
  return shown === undefined ? others : { ...others, clientCertificate: shown };
}

function refused(message: string): never {
  return refuse(message.includes('password') ? 'config.pfxPassword' : 'config.pfx', message);
}

function refuse(path: string, message: string): never {
  throw new Problem('invalid-request', { detail: `${path}: ${message}`, errors: [{ path, message }] });
}

/** A certificate that a TLS server can take for a client's; the one that lasts longest. */
function choose(identities: readonly PfxIdentity[], now: Date): Result<PfxIdentity, string> {
  const faults = identities.map((identity) => ({ identity, fault: faultOf(identity.certificate, now) }));
  const usable = faults.flatMap(({ identity, fault }) => (fault === undefined ? [identity] : []));
  const [best] = usable.sort((left, right) => right.certificate.notAfter.getTime() - left.certificate.notAfter.getTime());
  return best === undefined ? fail(faults[0]?.fault ?? 'Holds no private key with its certificate') : ok(best);
}

function faultOf({ subject, notAfter, extensions }: Certificate, now: Date): string | undefined {
  const name = nameToText(subject);
  if (notAfter.getTime() <= now.getTime()) return `The certificate of ${name} has expired`;
  const constraints = basicConstraintsOf(extensions);
  if (!constraints.ok || constraints.value.ca) return `${name} is a CA; the key of a CA identifies no client`;
  const purposes = extendedKeyUsageOf(extensions);
  const isForClients = purposes.ok && (purposes.value === undefined || purposes.value.some((purpose) => purpose === oids.clientAuth || purpose === anyPurpose));
  return isForClients ? undefined : `The certificate of ${name} is for other purposes than TLS clients (its extended key usage lacks clientAuth)`;
}

const anyPurpose = '2.5.29.37.0';

function factsOf(certificate: Certificate): ClientCertificateFacts {
  const { subject, issuer, serial, notBefore, notAfter, der } = certificate;
  return {
    subject: nameToText(subject),
    issuer: nameToText(issuer),
    serial: serialHex(serial),
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    sha256: fingerprintText(certificateFingerprint(der)),
  };
}
