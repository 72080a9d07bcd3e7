import { isSameName, parseCertificate, serialHex, verifyCertificate } from '../pkix/index.js';
import type { Clock } from '../runtime/clock.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type CaKeyType, rootId } from './create-cas.js';
import { ensureCas, type LoadedCas } from './ensure-cas.js';
import type { LoadedCa } from './loaded-ca.js';
import type { Engine, EngineStore, SigningRequest } from './ports.js';
import { createCrlPublisher } from './publish-crl.js';
import { signEndEntity } from './sign.js';
import { signAuthority } from './sign-authority.js';

/** CRLReason that lifts a hold (RFC 5280 section 5.3.1). */
const removeFromCrl = 8;

export interface EngineOptions {
  readonly store: EngineStore;
  readonly clock: Clock;
  /** Where devices reach `/pki/<ca>.crl` and `.cer`; stands in every certificate. */
  readonly publicBaseUrl: string;
  /** Of the CAs made on the first start; `P-256` by default. */
  readonly keyType?: CaKeyType;
}

/** The Crypto Engine that ships inside Gatehouse. `ensureCas` comes first: whatever needs a key before it throws. */
export function createEngine(options: EngineOptions): Engine {
  const { store, clock, keyType = 'P-256' } = options;
  const publicBaseUrl = options.publicBaseUrl.replace(/\/+$/, '');
  const crls = createCrlPublisher(store, clock);
  let loaded: LoadedCas | undefined;

  function cas(): LoadedCas {
    if (loaded === undefined) throw new Error('The engine has no keys yet: ensureCas() comes first.');
    return loaded;
  }

  function findCa(matches: (ca: LoadedCa) => boolean): LoadedCa | undefined {
    const { issuing, root } = cas();
    return [issuing, root].find(matches);
  }

  function sign(request: SigningRequest): Result<{ readonly caId: string; readonly certificate: Buffer }, string> {
    const { issuing } = cas();
    const signed = signEndEntity(issuing, request, clock.now());
    return signed.ok ? ok({ caId: issuing.id, certificate: signed.value }) : signed;
  }

  return {
    async ensureCas() {
      loaded ??= await ensureCas({ store, keyType, publicBaseUrl, now: () => clock.now() });
    },
    sign,
    async issue(ref, request) {
      const signed = sign(request);
      if (!signed.ok) return signed;
      const { caId, certificate } = signed.value;
      const { serial, notAfter } = factsOf(certificate);
      return ok(await store.record(caId, ref, certificate, serial, notAfter));
    },
    signAuthority(request) {
      const root = findCa((ca) => ca.id === rootId);
      if (root === undefined) return fail('This engine has no root.');
      const signed = signAuthority(root, request, publicBaseUrl, clock.now());
      return signed.ok ? ok({ caId: root.id, certificate: signed.value }) : signed;
    },
    async lookup(ref) {
      return (await store.findByRef(ref))?.certificate;
    },
    find: (caId, serial) => store.findBySerial(caId, serial),
    async revoke(certificate, reason) {
      const parsed = parseCertificate(certificate);
      if (!parsed.ok) return fail('The certificate is malformed.');
      const ca = findCa((item) => isSameName(item.certificate.subject, parsed.value.issuer) && verifyCertificate(parsed.value, item.certificate.publicKey).ok);
      if (ca === undefined) return fail('The certificate is not of this engine.');
      const serial = serialHex(parsed.value.serial);
      const isDone = reason === removeFromCrl ? await store.release(ca.id, serial) : await store.revoke(ca.id, serial, reason, clock.now());
      if (!isDone) return fail(reason === removeFromCrl ? 'The certificate is not on hold.' : 'The certificate is not on record.');
      crls.forget(ca.id);
      return ok(true);
    },
    async crl(caId) {
      const ca = findCa((item) => item.id === caId);
      return ca === undefined ? undefined : crls.current(ca);
    },
    chain() {
      const { issuing, root } = cas();
      return [issuing.certificate.der, root.certificate.der];
    },
    certificateOf(caId) {
      return findCa((item) => item.id === caId)?.certificate.der;
    },
  };
}

function factsOf(certificate: Buffer): { serial: string; notAfter: Date } {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) throw parsed.error;
  return { serial: serialHex(parsed.value.serial), notAfter: parsed.value.notAfter };
}
