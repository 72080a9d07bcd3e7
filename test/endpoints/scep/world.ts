/** A SCEP endpoint with a CA of its own and a core that says yes: what the tests of this room enrol against. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { type DeviceKey, deviceKey, generateRsaKey } from '../../../src/device-client/scep.js';
import type { Outcome } from '../../../src/enrolment/outcome.js';
import type { IssuedCertificate, RefusalRecord } from '../../../src/enrolment/ports.js';
import { refusal } from '../../../src/enrolment/refusal.js';
import type { EnrolmentRequest, Evidence } from '../../../src/enrolment/request.js';
import type { EnrolmentService } from '../../../src/enrolment/service.js';
import {
  basicConstraintsExtension,
  type Certificate,
  createSigner,
  type Extension,
  type KeyUsage,
  keyUsageExtension,
  type Name,
  nameFromText,
  type PublicKey,
  parseCertificate,
  signCertificate,
  subjectKeyIdentifierExtension,
  verifyCertificate,
} from '../../../src/pkix/index.js';
import { certificateTime } from '../../../src/protocol/der/index.js';
import { fail, ok } from '../../../src/runtime/result.js';
import type { LoadedRaKey, ScepEndpoint } from '../../../src/tenancy/directory.js';
import { type Policy, policySchema } from '../../../src/tenancy/policy.js';
import type { Profile } from '../../../src/tenancy/profile.js';
import { scepProfile } from '../../support/profiles.js';

export function name(text: string): Name {
  const parsed = nameFromText(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

export interface Authority {
  readonly key: DeviceKey;
  readonly certificate: Certificate;
}

interface Wanted {
  readonly publicKey: PublicKey;
  readonly subject: Name;
  readonly extensions?: readonly Extension[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly serial?: Buffer;
}

export function certify(issuer: { readonly key: DeviceKey; readonly name: Name }, wanted: Wanted): Certificate {
  const {
    notBefore = new Date(Date.now() - 3_600_000),
    notAfter = new Date(Date.now() + 365 * 86_400_000),
    serial = Buffer.concat([Buffer.of(1), randomBytes(15)]),
  } = wanted;
  const fields = {
    serial,
    issuer: issuer.name,
    notBefore,
    notAfter,
    subject: wanted.subject,
    spki: wanted.publicKey.spki,
    extensions: wanted.extensions ?? [],
  };
  const times = { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) };
  const parsed = parseCertificate(signCertificate(fields, times, createSigner(issuer.key.privateKey, issuer.key.publicKey)));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

function caExtensions(key: DeviceKey): Extension[] {
  return [basicConstraintsExtension({ ca: true }), keyUsageExtension(['keyCertSign', 'cRLSign']), subjectKeyIdentifierExtension(key.publicKey.keyIdentifier)];
}

export function authority(text: string, parent?: Authority): Authority {
  const key = deviceKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const subject = name(text);
  const issuer = parent === undefined ? { key, name: subject } : { key: parent.key, name: parent.certificate.subject };
  return { key, certificate: certify(issuer, { publicKey: key.publicKey, subject, extensions: caExtensions(key) }) };
}

const raUsages: Readonly<Record<LoadedRaKey['usage'], readonly KeyUsage[]>> = {
  both: ['digitalSignature', 'keyEncipherment'],
  sign: ['digitalSignature'],
  encrypt: ['keyEncipherment'],
};

export function raKey(
  issuing: Authority,
  root: Authority,
  fields: Partial<Wanted> & Partial<Pick<LoadedRaKey, 'state' | 'usage' | 'origin'>> & { readonly key?: DeviceKey } = {},
): LoadedRaKey {
  const key = fields.key ?? generateRsaKey();
  const { usage = 'both', origin = 'generated' } = fields;
  const extensions = [keyUsageExtension(raUsages[usage]), subjectKeyIdentifierExtension(key.publicKey.keyIdentifier)];
  const certificate = certify(
    { key: issuing.key, name: issuing.certificate.subject },
    { subject: name('/CN=Gatehouse RA'), extensions, ...fields, publicKey: key.publicKey },
  );
  return {
    id: certificate.serial.toString('hex'),
    state: fields.state ?? 'active',
    usage,
    origin,
    certificate,
    chain: [issuing.certificate, root.certificate],
    privateKey: key.privateKey,
    signer: createSigner(key.privateKey, key.publicKey),
  };
}

export interface World {
  readonly root: Authority;
  readonly issuing: Authority;
  readonly ra: LoadedRaKey;
  readonly endpoint: ScepEndpoint;
  /** The endpoint with other policy, keys or path. */
  with(change: {
    readonly scep?: Partial<Policy['scep']>;
    readonly raKeys?: readonly LoadedRaKey[];
    readonly endpointPath?: string;
    readonly legacyPaths?: readonly string[];
  }): ScepEndpoint;
  issue(publicKey: PublicKey, subject: Name, fields?: Partial<Wanted>): Certificate;
}

export function createWorld(): World {
  const root = authority('/CN=Test Root');
  const issuing = authority('/CN=Test Issuing CA', root);
  const ra = raKey(issuing, root);
  const endpoint: ScepEndpoint = { profile: scepProfile(), raKeys: [ra], caChain: [issuing.certificate, root.certificate] };
  return {
    root,
    issuing,
    ra,
    endpoint,
    with: ({ scep = {}, raKeys = [ra], ...fields }) => ({
      profile: scepProfile({ ...fields, policy: policySchema.parse({ scep }) }),
      raKeys,
      caChain: endpoint.caChain,
    }),
    issue: (publicKey, subject, fields = {}) => certify({ key: issuing.key, name: issuing.certificate.subject }, { ...fields, publicKey, subject }),
  };
}

/** A core that keeps what it was asked and decides by `decide`; polls find what `enrol` decided, for the same key only. */
export class FakeEnrolment implements EnrolmentService {
  readonly requests: EnrolmentRequest[] = [];
  readonly refusals: RefusalRecord[] = [];
  readonly delivered: { orderId: string; isConfirmed: boolean }[] = [];
  readonly outcomes = new Map<string, { requester: Buffer; outcome: Outcome }>();
  decide: (request: EnrolmentRequest) => Outcome;

  constructor(decide: (request: EnrolmentRequest) => Outcome) {
    this.decide = decide;
  }

  async enrol(_profile: unknown, request: EnrolmentRequest): Promise<Outcome> {
    this.requests.push(request);
    const outcome = this.decide(request);
    this.outcomes.set(request.transactionId, { requester: request.requester, outcome });
    return outcome;
  }

  async poll(_profile: unknown, query: { readonly transactionId: string; readonly requester: Buffer }): Promise<Outcome> {
    const found = this.outcomes.get(query.transactionId);
    if (found === undefined) return { kind: 'refused', refusal: { code: 'transaction-unknown' } };
    return found.requester.equals(query.requester) ? found.outcome : { kind: 'refused', refusal: { code: 'not-authorised' } };
  }

  noteDelivered(_profile: unknown, orderId: string, isConfirmed: boolean): void {
    this.delivered.push({ orderId, isConfirmed });
  }

  async revoke(): Promise<never> {
    throw new Error('SCEP revokes nothing.');
  }

  async crossCertify(): Promise<never> {
    throw new Error('SCEP certifies no CAs.');
  }

  async pollRevocation(): Promise<never> {
    throw new Error('SCEP revokes nothing.');
  }

  async findSigner(): Promise<undefined> {}

  async authorityRights() {
    return new Set<never>();
  }

  /** Whether a signer is a device of the profile. */
  isKnown: (signer: Certificate) => boolean = () => false;

  async recognise(_profile: unknown, { signer }: Evidence) {
    return signer !== undefined && this.isKnown(signer.certificate) ? ok<true>(true) : fail(refusal('signer-not-trusted'));
  }

  noteRefusal(refusal: RefusalRecord): void {
    this.refusals.push(refusal);
  }

  async findTransaction() {
    return undefined;
  }

  async findSession(): Promise<undefined> {}

  async confirm() {
    return 'unexpected' as const;
  }

  async updateSession(): Promise<boolean> {
    return true;
  }

  async findSharedSecret() {
    return undefined;
  }

  /** What `findIssued` knows and `currentCrl` gives. */
  readonly certificates: IssuedCertificate[] = [];
  crl: Buffer | undefined;
  /** By the Name of the CA, in hexadecimal. */
  readonly earlierCrls = new Map<string, Buffer>();
  readonly lookUps: string[] = [];

  async findIssued(profile: Profile, issuer: Buffer, serial: string): Promise<IssuedCertificate | undefined> {
    this.lookUps.push(serial);
    return this.certificates.find((item) => item.serial === serial && item.profileId === profile.id && issuerOf(item).equals(issuer));
  }

  async currentCrl(_profile: unknown, authority?: Buffer): Promise<Buffer | undefined> {
    return authority === undefined ? this.crl : this.earlierCrls.get(authority.toString('hex'));
  }
}

function issuerOf({ der }: IssuedCertificate): Buffer {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  return parsed.value.issuer.der;
}

/** A core that issues everything at once from the world's CA. */
export function issuingEnrolment(world: World): FakeEnrolment {
  const core = new FakeEnrolment((request) => ({
    kind: 'issued',
    orderId: createHash('sha256').update(request.content).digest('hex').slice(0, 16),
    certificate: world.issue(request.wanted.publicKey, request.wanted.subject).der,
    isModified: false,
    isReplay: false,
    session: {},
  }));
  core.isKnown = (signer) => world.endpoint.caChain.some((authority) => verifyCertificate(signer, authority.publicKey).ok);
  return core;
}
