import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify from 'fastify';
import { createEngine, type Engine } from '../../../src/crypto-engine/index.js';
import { buildRequest } from '../../../src/device-client/certificate-wish.js';
import { buildMessage, type CmpCredential } from '../../../src/device-client/cmp-messages.js';
import { type CmpContext, type CmpDeps, createSignerMemory, handleCmpMessage } from '../../../src/endpoints/cmp/index.js';
import { createLockOut } from '../../../src/endpoints/cmp/lock-out.js';
import { registerCmp } from '../../../src/endpoints/cmp/route.js';
import type { Issuer } from '../../../src/enrolment/ports.js';
import { createRevocationPassphrases } from '../../../src/enrolment/revocation-passphrase.js';
import { createEnrolment, type EnrolmentDeps, enrolmentDeps } from '../../../src/enrolment/service.js';
import { type Certificate, createSigner, parseCertificate, publicKeyOf, serialHex } from '../../../src/pkix/index.js';
import { createMacKeys, type PkiBody, type PkiHeader } from '../../../src/protocol/cmp/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { createLog } from '../../../src/runtime/log.js';
import { Secret } from '../../../src/runtime/secret.js';
import type { CmpEndpoint } from '../../../src/tenancy/directory.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import type { CmpProfile } from '../../../src/tenancy/profile.js';
import { revokeCertificatesJob } from '../../../src/workers/revoke-certificates.js';
import { atOnce } from '../../support/at-once.js';
import { type MemoryDeviceSecrets, memoryCertifiedKeys, memoryDeviceSecrets } from '../../support/memory-device-secrets.js';
import { memoryEngineStore } from '../../support/memory-engine-store.js';
import { memoryPassphrases } from '../../support/memory-passphrases.js';
import { type MemoryStore, memoryStore } from '../../support/memory-store.js';
import { cmpProfile } from '../../support/profiles.js';
import { newAgreementKey } from './encryption-keys.js';
import { begin, gist, nonce, type ReadReply, readReply, secretOf, wish } from './requests.js';
import { directoryOf, type Key, named, newAuthority, newKey, secret } from './stage.js';

/** How the CA of a house takes revocations. */
export interface CaMood {
  revocations: 'done' | 'slow' | 'never' | string;
}

/** A device with a certificate of the house. */
export interface Resident {
  readonly key: Key;
  readonly certificate: Certificate;
}

/** The real core over memory; every reference has the same secret, save those that begin with `lost`; the embedded engine as CA: what a device asks is really recorded and really done. */
export interface House {
  readonly endpoint: CmpEndpoint;
  readonly engine: Engine;
  readonly store: MemoryStore;
  readonly deviceSecrets: MemoryDeviceSecrets;
  readonly core: EnrolmentDeps;
  readonly deps: CmpDeps;
  readonly mood: CaMood;
  /** Audit actions. */
  readonly events: string[];
  /** Enrols by ir with the shared secret of this reference. */
  enrol(name: string, reference?: string): Promise<Resident>;
  /** A body in a transaction of its own. */
  askBody(body: PkiBody, credential: CmpCredential, header?: Partial<PkiHeader>, context?: Partial<CmpContext>): Promise<ReadReply>;
  ask(bytes: Buffer, context?: Partial<CmpContext>): Promise<ReadReply>;
  /** Over HTTP: `200 ip accepted`, `405`. */
  post(bytes: Buffer, path?: string, more?: { readonly method?: 'GET' | 'POST'; readonly type?: string }): Promise<string>;
  /** What the background job does. */
  work(): Promise<void>;
}

export async function openHouse(policy: Partial<CmpProfile['policy']['cmp']> = {}, more: Partial<CmpProfile['policy']> = {}): Promise<House> {
  const records = memoryEngineStore();
  const engine = createEngine({ store: records, clock: systemClock, publicBaseUrl: 'http://127.0.0.1:1' });
  await engine.ensureCas();
  const mood: CaMood = { revocations: 'done' };
  const issuer = issuerOf(engine, mood, records.know);
  const profile = cmpProfile({ policy: policySchema.parse({ ...more, cmp: policy }), endpointPath: 'demo' });
  const store = memoryStore();
  const events: string[] = [];
  const deviceSecrets = memoryDeviceSecrets(profile.tenantId);
  const core = enrolmentDeps({
    ...store,
    orderReader: store.orderReader as never,
    credentials: {
      findSharedSecret: async (_context, _profileId, reference) =>
        deviceSecrets.find(reference) ?? (reference.startsWith('lost') ? undefined : sharedSecret(profile, reference)),
    },
    deviceSecrets,
    certifiedKeys: memoryCertifiedKeys(),
    audit: { append: async (event) => void events.push(event.action) },
    issuers: { forProfile: async () => issuer, forOrder: async () => issuer },
    challengeMacKey: Buffer.alloc(32, 1),
    clock: systemClock,
    log: createLog('silent'),
  });
  const isLeft = profile.policy.cmp.revocation.passphrases;
  const keys = isLeft ? { encryptionKeys: [newAgreementKey(newAuthority('House Encryption CA'), [])] } : {};
  const endpoint: CmpEndpoint = { ...endpointOf(engine, profile), ...keys };
  const deps: CmpDeps = {
    enrolment: createEnrolment(core),
    clock: systemClock,
    log: createLog('silent'),
    macKeys: createMacKeys(),
    signers: createSignerMemory(),
    lockOut: createLockOut(systemClock),
    passphrases: createRevocationPassphrases(memoryPassphrases(), core),
  };
  const app = Fastify();
  registerCmp(app, { directory: directoryOf([endpoint]), ...deps });
  const ask = async (bytes: Buffer, context: Partial<CmpContext> = {}) => {
    const reply = await handleCmpMessage(endpoint, bytes, { clientIp: '192.0.2.1', ...context }, deps);
    if (reply.status !== 200) throw new Error(`HTTP ${reply.status}`);
    return readReply(reply.bytes);
  };
  return {
    endpoint,
    engine,
    store,
    deviceSecrets,
    core,
    deps,
    mood,
    events,
    ask,
    async enrol(name, reference = 'device-77') {
      const key = newKey();
      const request = buildRequest(
        await begin(secretOf(reference)),
        { senderNonce: nonce() },
        wish({ subject: named(name), implicitConfirm: true }, key.signer),
        new Date(),
      );
      return { key, certificate: issuedIn(await ask(request)) };
    },
    askBody: async (body, credential, header = {}, context = {}) =>
      ask(buildMessage(await begin(credential), { senderNonce: nonce() }, body, { messageTime: new Date(), ...header }), context),
    async post(bytes, path = '/cmp/demo', { method = 'POST', type = 'application/pkixcmp' } = {}) {
      const answer = await app.inject({ method, url: path, headers: { 'content-type': type }, ...(method === 'POST' && { payload: bytes }) });
      return answer.rawPayload.length === 0 ? String(answer.statusCode) : `${answer.statusCode} ${gist(readReply(answer.rawPayload))}`;
    },
    work: () => revokeCertificatesJob(core).run(),
  };
}

export function issuedIn({ body }: ReadReply): Certificate {
  const bytes = 'content' in body && 'response' in body.content ? body.content.response[0]?.certifiedKeyPair?.certificate : undefined;
  const parsed = parseCertificate(bytes ?? Buffer.alloc(0));
  if (!parsed.ok) throw new Error(`Not issued: ${JSON.stringify(body)}`);
  return parsed.value;
}

function sharedSecret({ id: profileId, tenantId }: CmpProfile, reference: string) {
  const fields = { id: `secret-${reference}`, reference, profileId, tenantId, status: 'active' as const, expiresAt: null, createdAt: new Date() };
  return { ...fields, secret: new Secret(secret) };
}

function issuerOf(engine: Engine, mood: CaMood, know: (caId: string, serial: string) => void): Issuer {
  return {
    timing: { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 4 },
    capabilities: { lookup: true, uniqueRef: true },
    issue: async () => ({ kind: 'notSent', reason: 'this CA is local' }),
    lookup: async () => ({ kind: 'none' }),
    async revoke(certificate, reason) {
      if (mood.revocations === 'slow') return sleep(3_000, { ok: false, error: 'too late' });
      if (mood.revocations === 'never') return { ok: false, error: 'no such certificate', final: true };
      if (mood.revocations !== 'done') return { ok: false, error: mood.revocations };
      return engine.revoke(certificate, reason);
    },
    chain: async () => engine.chain(),
    crl: async () => (await engine.crl('issuing'))?.der,
    local: {
      sign(request) {
        const signed = atOnce(engine.sign(request));
        // The store in memory records the order; the engine must know the serial to revoke it.
        if (signed.ok) know('issuing', serialHex(parsedOrThrow(signed.value.certificate).serial));
        return signed;
      },
      signAuthority: (request) => engine.signAuthority(request),
    },
  };
}

/** The RA's certificate is of the same CA, with the distribution point that all of them carry. */
function endpointOf(engine: Engine, profile: CmpProfile): CmpEndpoint {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = publicKeyOf(privateKey);
  const signed = atOnce(
    engine.sign({
      publicKey: publicKey.spki,
      subject: named('House RA').der,
      sans: [],
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [oids.cmcRA],
      validitySeconds: 86_400,
      backdateSeconds: 60,
    }),
  );
  if (!signed.ok) throw new Error(signed.error);
  const chain = engine.chain().map(parsedOrThrow);
  const certificate = parsedOrThrow(signed.value.certificate);
  const signer = createSigner(privateKey, publicKey);
  const raKey = { id: 'ra-1', state: 'active', usage: 'both', origin: 'issued', certificate, chain, privateKey, signer } as const;
  return { profile, raKeys: [raKey as never], caChain: chain, trustAnchors: [] };
}

function parsedOrThrow(der: Buffer): Certificate {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}
