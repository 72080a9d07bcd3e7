import { isSameName, parseCertificate, parseName, serialHex, verifyCertificate } from '../pkix/index.js';
import type { Clock } from '../runtime/clock.js';
import { type Eventually, whenThere } from '../runtime/eventually.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type CaKeyType, createIssuing, issuingId, rootId } from './create-cas.js';
import { ensureCas, type LoadedCas, loadCas, type StandingCa } from './ensure-cas.js';
import type { LoadedCa } from './loaded-ca.js';
import { createOcspResponder } from './ocsp/responder.js';
import type { Engine, EngineCaView, EngineStore, SignedByEngine, SigningRequest } from './ports.js';
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
  /** Where the OCSP responder is; stands in every certificate of a device. */
  readonly ocspUrl?: string;
  /** Of the CAs made on the first start; `P-256` by default. */
  readonly keyType?: CaKeyType;
}

/** The Crypto Engine that ships inside Gatehouse. `ensureCas` comes first: whatever needs a key before it throws. */
export function createEngine(options: EngineOptions): Engine {
  const { store, clock, keyType = 'P-256' } = options;
  const publicBaseUrl = options.publicBaseUrl.replace(/\/+$/, '');
  const crls = createCrlPublisher(store, clock);
  const urls = { publicBaseUrl, ocspUrl: options.ocspUrl };
  const responder = createOcspResponder({ store, clock, cas: () => all().map((ca) => ca.loaded) });
  let loaded: LoadedCas | undefined;

  function cas(): LoadedCas {
    if (loaded === undefined) throw new Error('The engine has no keys yet: ensureCas() comes first.');
    return loaded;
  }

  function all(): readonly StandingCa[] {
    const { root, issuing, next, retired } = cas();
    return [issuing, ...(next === undefined ? [] : [next]), ...retired, root];
  }

  const findCa = (matches: (ca: LoadedCa) => boolean): LoadedCa | undefined => all().find(({ loaded: ca }) => matches(ca))?.loaded;

  async function reload(): Promise<void> {
    loaded = loadCas(await store.listCas(), urls, all());
  }

  function signWith(ca: LoadedCa, request: SigningRequest): Eventually<Result<SignedByEngine, string>> {
    return whenThere(signEndEntity(ca, request, clock.now()), (signed) => (signed.ok ? ok({ caId: ca.id, certificate: signed.value }) : signed));
  }

  async function issueWith(ca: LoadedCa, ref: string, request: SigningRequest): Promise<Result<Buffer, string>> {
    const signed = await signWith(ca, request);
    if (!signed.ok) return signed;
    const { caId, certificate } = signed.value;
    const { serial, notAfter } = factsOf(certificate);
    return ok(await store.record(caId, ref, certificate, serial, notAfter));
  }

  async function prepareNext(activatesAt: Date, actor: string): Promise<Result<EngineCaView, string>> {
    const { root } = cas();
    const id = nextIdAfter((await store.listCas()).map((ca) => ca.id));
    const made = await createIssuing(keyType, root.loaded, publicBaseUrl, clock.now(), id);
    const isAdded = await store.addNextCa(made, activatesAt, actor);
    await reload();
    const { next } = cas();
    return isAdded && next !== undefined ? ok(next.ca) : fail('A CA that follows is prepared already; activate it or cancel it first.');
  }

  async function change(work: Promise<boolean>): Promise<boolean> {
    const isChanged = await work;
    await reload();
    return isChanged;
  }

  return {
    async ensureCas() {
      loaded ??= await ensureCas({ store, keyType, ...urls, now: () => clock.now() });
    },
    sign: (request) => signWith(cas().issuing.loaded, request),
    issue: async (ref, request) => issueWith(cas().issuing.loaded, ref, request),
    signAuthority(request) {
      const root = findCa((ca) => ca.id === rootId);
      if (root === undefined) return fail('This engine has no root.');
      const signed = signAuthority(root, request, publicBaseUrl, clock.now());
      return whenThere(signed, (made) => (made.ok ? ok({ caId: root.id, certificate: made.value }) : made));
    },
    async lookup(ref) {
      return (await store.findByRef(ref))?.certificate;
    },
    find: (caId, serial) => store.findBySerial(caId, serial),
    listByRef: (...asked) => store.listByRef(...asked),
    async revoke(certificate, reason) {
      const parsed = parseCertificate(certificate);
      if (!parsed.ok) return fail('The certificate is malformed.');
      const ca = findCa((item) => isSameName(item.certificate.subject, parsed.value.issuer) && verifyCertificate(parsed.value, item.certificate.publicKey).ok);
      if (ca === undefined) return fail('The certificate is not of this engine.');
      const serial = serialHex(parsed.value.serial);
      const isDone = reason === removeFromCrl ? await store.release(ca.id, serial) : await store.revoke(ca.id, serial, reason, clock.now());
      if (!isDone) return fail(reason === removeFromCrl ? 'The certificate is not on hold.' : 'The certificate is not on record.');
      crls.forget(ca.id);
      responder.forget(ca.id, serial);
      return ok(true);
    },
    async crl(caId) {
      const ca = findCa((item) => item.id === caId);
      return ca === undefined ? undefined : crls.current(ca);
    },
    async crlOf(issuer) {
      const name = parseName(issuer);
      const { issuing, retired } = cas();
      const ca = name.ok ? [issuing, ...retired].find(({ loaded: { certificate } }) => isSameName(certificate.subject, name.value)) : undefined;
      return ca === undefined ? undefined : crls.current(ca.loaded);
    },
    ocsp: (request) => responder.respond(request),
    renewOcspSigners: () => responder.renewSigners(),
    reload,
    cas() {
      const { root, issuing, next, retired } = cas();
      return [root, ...[...retired].reverse(), issuing, ...(next === undefined ? [] : [next])].map(({ ca }) => ca);
    },
    issuingIds() {
      const { issuing, retired } = cas();
      return [issuing, ...retired].map(({ ca }) => ca.id);
    },
    prepareNext,
    activateNext: (id, actor) => change(store.activateCa(id, actor)),
    cancelNext: (id, actor) => change(store.retireCa(id, actor)),
    next() {
      const { next, root } = cas();
      if (next === undefined) return undefined;
      return { chain: chainOf(next, root), issue: (ref, request) => issueWith(next.loaded, ref, request) };
    },
    chain() {
      const { issuing, root } = cas();
      return chainOf(issuing, root);
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

const chainOf = (issuing: StandingCa, root: StandingCa): readonly Buffer[] => [issuing.loaded.certificate.der, root.loaded.certificate.der];

/** `issuing`, `issuing-2`, `issuing-3`: ids stand in certificates and are never used twice. */
function nextIdAfter(ids: readonly string[]): string {
  const numbers = ids.map((id) => Number(/^issuing-(\d+)$/.exec(id)?.[1] ?? 1));
  return `${issuingId}-${Math.max(...numbers) + 1}`;
}
