import { setTimeout as sleep } from 'node:timers/promises';
import { type Certificate, type CertificateList, parseCertificate, parseCrlInTurns, prepareRevocations, revocationOf } from '../pkix/index.js';
import type { Profile } from '../tenancy/profile.js';
import type { Issuer } from './ports.js';
import type { EnrolmentDeps } from './service.js';

/** What a CA tells of its revocations. */
interface Told {
  readonly list: CertificateList;
  readonly authorities: readonly Certificate[];
}

interface Kept {
  readonly until: number;
  readonly told: Promise<Told | undefined>;
}

/** How long a list is used, and a CA that gives none is left alone. */
const keptMs = 60_000;
/** A device does not wait longer for a CA that may not answer. */
const patienceMs = 2_000;
const kept = new WeakMap<Issuer, Kept>();

/**
 * Whether a CA outside has revoked a certificate without our doing, by the CRL that it gives (row SCEP-111). A CA that gives none, or cannot
 * be asked now, leaves it to our own record: no device is turned away because its CA is away. The engine in our own database has no
 * other record than ours.
 */
export async function isRevokedAtCa(certificate: Certificate, profile: Profile, deps: EnrolmentDeps): Promise<boolean> {
  const issuer = await deps.issuers.forProfile(profile);
  if (issuer === undefined || issuer.local !== undefined || issuer.crl === undefined) return false;
  const told = await Promise.race([toldBy(issuer, deps), sleep(patienceMs, undefined, { ref: false })]);
  return told !== undefined && revocationOf(certificate, told.authorities, [told.list], deps.clock.now()) === 'revoked';
}

/** Asked once for all who come meanwhile; while the CA is away, what it told last stands. */
function toldBy(issuer: Issuer, deps: EnrolmentDeps): Promise<Told | undefined> {
  const known = kept.get(issuer);
  const now = deps.clock.now().getTime();
  if (known !== undefined && known.until > now) return known.told;
  const told = ask(issuer, deps).then((fresh) => fresh ?? known?.told);
  kept.set(issuer, { until: now + keptMs, told });
  return told;
}

async function ask(issuer: Issuer, { log }: EnrolmentDeps): Promise<Told | undefined> {
  try {
    const der = await issuer.crl?.();
    const list = der === undefined ? undefined : await parseCrlInTurns(der);
    if (list?.ok !== true) return undefined;
    await prepareRevocations(list.value);
    const authorities = (await issuer.chain()).map(parseCertificate).flatMap((item) => (item.ok ? [item.value] : []));
    return { list: list.value, authorities };
  } catch (error) {
    log.warn({ err: error }, 'a CA does not tell its revocations; renewals go by our own record');
    return undefined;
  }
}
