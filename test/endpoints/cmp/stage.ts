import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import { type CmpContext, type CmpDeps, type CmpReply, createSignerMemory, handleCmpMessage } from '../../../src/endpoints/cmp/index.js';
import { createCipherTextMemory } from '../../../src/endpoints/cmp/kem-answers.js';
import { registerCmp, serveLegacyCmp } from '../../../src/endpoints/cmp/route.js';
import type { OrderState, Session } from '../../../src/enrolment/order.js';
import type { Outcome } from '../../../src/enrolment/outcome.js';
import type { RefusalRecord, StoredTransaction } from '../../../src/enrolment/ports.js';
import type { Refusal, RefusalCode } from '../../../src/enrolment/refusal.js';
import { registrationAuthorityRightsOf } from '../../../src/enrolment/registration-authority.js';
import type { EnrolmentRequest } from '../../../src/enrolment/request.js';
import type { RevocationOutcome, RevocationRequest } from '../../../src/enrolment/request-revocation.js';
import type { EnrolmentService, TransactionQuery } from '../../../src/enrolment/service.js';
import {
  authorityKeyIdentifierExtension,
  basicConstraintsExtension,
  buildName,
  type Certificate,
  createSigner,
  type Extension,
  keyUsageExtension,
  type Name,
  type PublicKey,
  parseCertificate,
  publicKeyOf,
  type Signer,
  signCertificate,
  subjectKeyIdentifierExtension,
  toPem,
} from '../../../src/pkix/index.js';
import { createMacKeys } from '../../../src/protocol/cmp/index.js';
import { certificateTime, oids } from '../../../src/protocol/der/index.js';
import { createLog } from '../../../src/runtime/log.js';
import { ok, type Result } from '../../../src/runtime/result.js';
import { Secret } from '../../../src/runtime/secret.js';
import type { CmpEndpoint, EndpointDirectory, LoadedRaKey } from '../../../src/tenancy/directory.js';
import type { LoadedEncryptionKey } from '../../../src/tenancy/encryption-key.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import type { CmpProfile } from '../../../src/tenancy/profile.js';
import { cmpProfile } from '../../support/profiles.js';

export const named = (commonName: string): Name => buildName([[oids.commonName, commonName]]);

/** A key pair with the signer that uses it. */
export interface Key {
  readonly privateKey: KeyObject;
  readonly signer: Signer;
}

export function newKey(type: 'P-256' | 'P-384' | 'RSA' | 'Ed25519' = 'P-256'): Key {
  const pair =
    type === 'RSA'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : type === 'Ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: type });
  return { privateKey: pair.privateKey, signer: createSigner(pair.privateKey, publicKeyOf(pair.privateKey)) };
}

const day = 86_400_000;

export interface Authority {
  readonly certificate: Certificate;
  readonly key: Key;
}

/** Signs a certificate; without an issuer it signs itself. */
export function certify(subject: Name, publicKey: PublicKey, signer: Signer, issuer?: Certificate, more: readonly Extension[] = []): Certificate {
  const issuedBy = issuer ?? { subject, publicKey };
  const now = Date.now();
  const der = signCertificate(
    {
      serial: Buffer.concat([Buffer.of(0x41), randomBytes(15)]),
      issuer: issuedBy.subject,
      notBefore: new Date(now - day),
      notAfter: new Date(now + 365 * day),
      subject,
      spki: publicKey.spki,
      extensions: [subjectKeyIdentifierExtension(publicKey.keyIdentifier), authorityKeyIdentifierExtension(issuedBy.publicKey.keyIdentifier), ...more],
    },
    { notBefore: certificateTime(new Date(now - day)), notAfter: certificateTime(new Date(now + 365 * day)) },
    signer,
  );
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

export function newAuthority(name: string, parent?: Authority, key = newKey()): Authority {
  const more = [basicConstraintsExtension({ ca: true }), keyUsageExtension(['keyCertSign', 'cRLSign'])];
  const signer = parent?.key.signer ?? key.signer;
  return { key, certificate: certify(named(name), key.signer.publicKey, signer, parent?.certificate, more) };
}

/** A device with a certificate of `authority`. */
export function newDevice(name: string, authority: Authority, key = newKey(), usage = keyUsageExtension(['digitalSignature'])) {
  const certificate = certify(named(name), key.signer.publicKey, authority.key.signer, authority.certificate, [usage]);
  return { key, certificate };
}

interface Recorded {
  readonly stored: StoredTransaction;
  readonly content: Buffer;
  readonly requester: Buffer;
}

/** The core as a CMP endpoint sees it, in memory: issues at once, or keeps everything waiting, or refuses everything. */
export class MemoryCore implements EnrolmentService {
  readonly secrets = new Map<string, Buffer>();
  readonly requests: EnrolmentRequest[] = [];
  readonly refusals: RefusalRecord[] = [];
  readonly delivered: { readonly orderId: string; readonly isConfirmed: boolean }[] = [];
  readonly confirmations: boolean[] = [];
  mode: 'issue' | 'wait' | 'broken' | 'away' | RefusalCode = 'issue';
  isModified = false;
  confirmed: 'confirmed' | 'already' | 'closed' | 'unexpected' | undefined;
  readonly #issuer: Authority;
  readonly #transactions = new Map<string, Recorded>();

  constructor(issuer: Authority) {
    this.#issuer = issuer;
  }

  async enrol(_profile: unknown, request: EnrolmentRequest): Promise<Outcome> {
    if (this.mode === 'broken') throw new Error('The database holds nonsense.');
    if (this.mode === 'away') throw Object.assign(new Error('connect ECONNREFUSED to the database'), { code: 'ECONNREFUSED' });
    const known = this.#transactions.get(request.transactionId);
    if (known !== undefined) return this.#repeated(known, request);
    this.requests.push(request);
    if (this.mode !== 'issue' && this.mode !== 'wait') return { kind: 'refused', refusal: { code: this.mode } };
    const isWaiting = this.mode === 'wait';
    const certificate = isWaiting ? null : this.#issue(request).der;
    const order = { id: `order-${this.#transactions.size + 1}`, state: isWaiting ? 'AWAITING_APPROVAL' : 'ISSUED' } as StoredTransaction['order'];
    const stored = { order, contentHash: Buffer.alloc(32), session: request.session, certificate };
    this.#transactions.set(request.transactionId, { stored, content: request.content, requester: request.requester });
    return this.#outcome(stored, false);
  }

  #repeated(known: Recorded, request: EnrolmentRequest): Outcome {
    const isSame = known.content.equals(request.content) && known.requester.equals(request.requester);
    return isSame ? this.#outcome(known.stored, true) : { kind: 'refused', refusal: { code: 'transaction-in-use' } };
  }

  #outcome(stored: StoredTransaction, isReplay: boolean): Outcome {
    const { order, session, certificate } = stored;
    if (certificate === null) return { kind: 'pending', orderId: order.id, checkAfterSeconds: 1, session };
    return { kind: 'issued', orderId: order.id, certificate, isModified: this.isModified, isReplay, session };
  }

  #issue(request: EnrolmentRequest): Certificate {
    const { wanted } = request;
    const san = wanted.extensions.filter((item) => item.oid === oids.subjectAltName);
    const more = [keyUsageExtension(['digitalSignature']), ...san];
    return certify(wanted.subject, wanted.publicKey, this.#issuer.key.signer, this.#issuer.certificate, more);
  }

  /** The certificate of the newest transaction, DER; an encrypted answer does not show it. */
  issuedLast(): Buffer {
    return [...this.#transactions.values()].at(-1)?.stored.certificate ?? Buffer.alloc(0);
  }

  /** The CA has decided: everything that waits is issued. */
  issueWaiting(): void {
    this.mode = 'issue';
    for (const [id, known] of this.#transactions) {
      const request = this.requests.find((item) => item.transactionId === id);
      if (known.stored.certificate === null && request !== undefined) this.#replace(id, { certificate: this.#issue(request).der }, 'ISSUED');
    }
  }

  #replace(id: string, fields: Partial<StoredTransaction>, state?: OrderState): void {
    const known = this.#transactions.get(id);
    if (known === undefined) return;
    const order = state === undefined ? known.stored.order : { ...known.stored.order, state };
    this.#transactions.set(id, { ...known, stored: { ...known.stored, ...fields, order } });
  }

  async poll(profile: CmpProfile, query: TransactionQuery): Promise<Outcome> {
    const stored = await this.findTransaction(profile, query);
    if (this.mode !== 'issue' && this.mode !== 'wait' && this.mode !== 'broken' && this.mode !== 'away')
      return { kind: 'refused', refusal: { code: this.mode } };
    return stored === undefined ? { kind: 'refused', refusal: { code: 'transaction-unknown' } } : this.#outcome(stored, true);
  }

  async findTransaction(_profile: unknown, query: TransactionQuery): Promise<StoredTransaction | undefined> {
    const known = this.#transactions.get(query.transactionId);
    return known?.requester.equals(query.requester) ? known.stored : undefined;
  }

  async findSession(_profile: unknown, transactionId: string): Promise<Session | undefined> {
    return this.#transactions.get(transactionId)?.stored.session;
  }

  async confirm(_profile: unknown, _transaction: StoredTransaction, isAccepted: boolean) {
    this.confirmations.push(isAccepted);
    return this.confirmed ?? (isAccepted ? ('confirmed' as const) : ('rejected' as const));
  }

  noteDelivered(_profile: unknown, orderId: string, isConfirmed: boolean): void {
    this.delivered.push({ orderId, isConfirmed });
  }

  async updateSession(_profile: unknown, query: TransactionQuery, session: Session, expected: Session = {}): Promise<boolean> {
    const known = this.#transactions.get(query.transactionId)?.stored.session;
    if (Object.entries(expected).some(([field, value]) => known?.[field] !== value)) return false;
    this.#replace(query.transactionId, { session: { ...known, ...session } });
    return true;
  }

  async revoke(_profile: unknown, request: RevocationRequest): Promise<RevocationOutcome> {
    if (this.mode === 'broken') throw new Error('The database holds nonsense.');
    const verdicts = request.certificates.map((named) => (named.ok ? ('revoked' as const) : named.error));
    return { kind: 'answered', verdicts, session: request.session };
  }

  async crossCertify(): Promise<Outcome> {
    return { kind: 'refused', refusal: { code: 'not-authorised' } };
  }

  async pollRevocation(): Promise<RevocationOutcome> {
    return { kind: 'answered', verdicts: ['revoked'], session: {} };
  }

  async recognise(): Promise<Result<true, Refusal>> {
    return ok(true);
  }

  async findIssued(): Promise<undefined> {}

  async currentCrl(): Promise<undefined> {}

  async findSigner(): Promise<undefined> {}

  async authorityRights(profile: CmpProfile, signer: Parameters<EnrolmentService['authorityRights']>[1]) {
    return signer === undefined ? new Set<never>() : registrationAuthorityRightsOf(signer, profile, new Date());
  }

  async findSharedSecret(profile: CmpProfile, reference: string) {
    const secret = this.secrets.get(reference);
    if (secret === undefined) return undefined;
    const { id: profileId, tenantId } = profile;
    const fields = { id: `secret-${reference}`, reference, profileId, tenantId, status: 'active' as const, expiresAt: null, createdAt: new Date() };
    return { ...fields, secret: new Secret(secret) };
  }

  noteRefusal(refusal: RefusalRecord): void {
    this.refusals.push(refusal);
  }
}

export interface StageOptions {
  readonly policy?: Partial<CmpProfile['policy']['cmp']>;
  readonly withoutRaKey?: boolean;
  readonly trustAnchors?: readonly Certificate[];
  /** Certified by the issuing CA. */
  readonly encryptionKeys?: (issuing: Authority, chain: readonly Certificate[]) => readonly LoadedEncryptionKey[];
  readonly profile?: Partial<CmpProfile>;
  readonly caKey?: Key;
}

/** A CA, a profile and the core in memory. */
export interface Stage {
  readonly root: Authority;
  readonly issuing: Authority;
  readonly core: MemoryCore;
  readonly endpoint: CmpEndpoint;
  readonly directory: EndpointDirectory;
  readonly deps: CmpDeps;
  /** Issuing CA and root, PEM. */
  readonly caPem: string;
  handle(bytes: Buffer, context?: Partial<CmpContext>): Promise<CmpReply>;
  app(): FastifyInstance;
}

export const reference = 'device-77';
export const secret = Buffer.from('correct horse battery staple');

export function openStage(options: StageOptions = {}): Stage {
  const root = newAuthority('Stage Root');
  const issuing = newAuthority('Stage Issuing CA', root, options.caKey);
  const core = new MemoryCore(issuing);
  core.secrets.set(reference, secret);
  const policy = policySchema.parse({ cmp: options.policy ?? {} });
  const profile = cmpProfile({ policy, endpointPath: 'demo', ...options.profile });
  const chain = [issuing.certificate, root.certificate];
  const endpoint: CmpEndpoint = {
    profile,
    raKeys: options.withoutRaKey ? [] : [newRaKey(issuing, chain)],
    caChain: chain,
    trustAnchors: options.trustAnchors ?? [],
    ...(options.encryptionKeys && { encryptionKeys: options.encryptionKeys(issuing, chain) }),
  };
  const directory = directoryOf([endpoint]);
  const log = createLog('silent');
  const clock = { now: () => new Date() };
  const deps: CmpDeps = { enrolment: core, clock, log, macKeys: createMacKeys(), signers: createSignerMemory(), cipherTexts: createCipherTextMemory() };
  return {
    root,
    issuing,
    core,
    endpoint,
    directory,
    deps,
    caPem: chain.map((item) => toPem('CERTIFICATE', item.der)).join(''),
    handle: (bytes, context = {}) => handleCmpMessage(endpoint, bytes, { clientIp: '192.0.2.1', ...context }, deps),
    app: () => newApp({ directory, enrolment: core, clock, log }),
  };
}

function newRaKey(issuing: Authority, chain: readonly Certificate[]): LoadedRaKey {
  const { key, certificate } = newDevice('Stage RA', issuing);
  return { id: 'ra-1', state: 'active', usage: 'both', origin: 'generated', certificate, chain, privateKey: key.privateKey, signer: key.signer };
}

/** The first endpoint is the default; `/old/pki` is a legacy path of it. */
export function directoryOf(endpoints: readonly CmpEndpoint[]): EndpointDirectory {
  return {
    scep: () => undefined,
    cmp: (endpointPath) => endpoints.find((item) => item.profile.endpointPath === endpointPath),
    defaultCmp: () => endpoints[0],
    legacy: (protocol, path) => (protocol === 'cmp' && path === '/old/pki' ? endpoints[0]?.profile.endpointPath : undefined),
  };
}

function newApp(deps: Parameters<typeof registerCmp>[1]): FastifyInstance {
  const app = Fastify({ logger: false, http: { requireHostHeader: false } as never }) as unknown as FastifyInstance;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setNotFoundHandler(async (request, reply) => ((await serveLegacyCmp(request, reply, deps)) ? reply : reply.code(404).send()));
  registerCmp(app, deps);
  return app;
}
