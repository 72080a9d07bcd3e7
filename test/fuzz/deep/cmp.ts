import { createHmac } from 'node:crypto';
import { createSignerMemory, handleCmpMessage } from '../../../src/endpoints/cmp/index.js';
import type { IssuedCertificate } from '../../../src/enrolment/ports.js';
import { certificateFingerprint, createSigner, nameToText, type Signer, serialHex } from '../../../src/pkix/index.js';
import { createMacKeys, decodePkiBody, decodePkiMessage, encodeProofOfPossession, type PkiBody, protectedPart } from '../../../src/protocol/cmp/index.js';
import { Cursor, der, encode, tag } from '../../../src/protocol/der/index.js';
import type { CmpEndpoint } from '../../../src/tenancy/directory.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { contentOf as contentOfNode, headerOf, render } from '../../support/der-tree.js';
import { mutate, type Seed, seedOf } from '../../support/mutate.js';
import { cmpProfile } from '../../support/profiles.js';
import type { Random } from '../../support/random.js';
import { type Core, clock, createCore } from '../core.js';
import type { Corpus } from '../corpus.js';
import { contentOf, type Protectable, protectable } from '../handlers.js';
import { must, type Target, type Trial } from '../target.js';
import type { World } from '../world.js';
import { makeCertRequest, makeCsr } from './csr.js';
import { loadPool } from './pool.js';
import { recheckCertificate } from './recheck.js';
import { engineSigner } from './scep.js';

const messagesPerCore = 150;
/** Tags of ir, cr, kur and p10cr in PKIBody. */
const crmf: readonly number[] = [0xa0, 0xa2, 0xa7];
const p10cr = 0xa4;

/** The open profile of the world, and one that allows little. */
function endpointsOf({ cmp }: World): readonly CmpEndpoint[] {
  const strict = policySchema.parse({
    keys: { rsaMinBits: 2048, rsaMaxBits: 3072, curves: ['P-384'], ed25519: false },
    names: { sanTypes: ['dns', 'ip'], maxSans: 2, sans: { dns: ['device-*.example'], ip: ['2001:db8::/32'], wildcards: false } },
    certificate: { validityDays: 30, backdateSeconds: 60, keyUsage: ['digitalSignature'], extendedKeyUsage: ['clientAuth'] },
    cmp: cmp.profile.policy.cmp,
  });
  return [cmp, { ...cmp, profile: cmpProfile({ policy: strict }) }];
}

function memberOf({ member }: World, { profile }: CmpEndpoint): IssuedCertificate {
  const { certificate } = member;
  return {
    id: 'member',
    tenantId: profile.tenantId,
    profileId: profile.id,
    orderId: null,
    connectorId: profile.connectorId,
    der: certificate.der,
    issuer: nameToText(certificate.issuer),
    serial: serialHex(certificate.serial),
    subject: nameToText(certificate.subject),
    sans: [],
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    sha256: certificateFingerprint(certificate.der),
    status: 'valid',
  };
}

/** A CertRequest with the key that stands in it, to prove its possession after a change. */
interface Provable {
  readonly bodyTag: number;
  readonly certReq: Seed;
  readonly signer: Signer;
}

/** The CertRequests of the corpus, each with every key of the pool in place of the device's. */
function provablesOf(part: Protectable, signers: readonly Signer[], device: Signer): readonly Provable[] {
  const { certReq, body } = part;
  const key = certReq?.nodes.find((node) => node.tag === 0xa6 && contentOfNode(node).equals(new Cursor(device.publicKey.spki).content(tag.sequence)));
  if (certReq?.root === undefined || key === undefined) return [];
  const { root } = certReq;
  const bodyTag = body.root?.tag ?? 0xa0;
  const others = signers.map((signer) => {
    const content = new Cursor(signer.publicKey.spki).content(tag.sequence);
    const bytes = render(root, new Map([[key, { kind: 'replace', bytes: Buffer.concat([headerOf(0xa6, content.length), content]) }]]));
    return { bodyTag, certReq: seedOf('certReq', bytes), signer };
  });
  return [{ bodyTag, certReq, signer: device }, ...others];
}

/** Requests whose protection is right whatever was changed inside, against the real core: what is issued is held against the policy by other readers. */
export async function deepCmpTarget(corpus: Corpus, world: World): Promise<Target> {
  const { member, device } = world;
  const donors = [...corpus.cmp, ...corpus.csr, ...corpus.name, ...corpus.names, ...corpus.key];
  const parts = (await Promise.all(corpus.cmp.map((seed) => protectable(seed, world)))).filter((item) => item !== undefined);
  const usable = parts.filter((item) => item.mac !== undefined || item.part.name.startsWith('fuzz/'));
  const pool = loadPool().filter(({ name }) => !/4096|3072/.test(name));
  const signers = pool.map(({ privateKey, publicKey }) => createSigner(privateKey, publicKey));
  const keys = pool.map((key, index) => [key, signers[index] as Signer] as const);
  const requests = usable.filter(({ body }) => [...crmf, p10cr].includes(body.root?.tag ?? 0));
  const provables = new Map(usable.map((part) => [part, provablesOf(part, signers, device.signer)]));
  const endpoints = endpointsOf(world);
  const sign = engineSigner(world);
  const memory = { macKeys: createMacKeys(), signers: createSignerMemory() };

  const stages = endpoints.map((): { core: Core | undefined; messages: number } => ({ core: undefined, messages: 0 }));
  const coreAt = (place: number): Core => {
    const stage = stages[place] as (typeof stages)[number];
    const endpoint = endpoints[place] as CmpEndpoint;
    const before = memberOf(world, endpoint);
    const fresh = () => createCore(world, { sign, issuedBefore: (sha256) => (sha256.equals(before.sha256) ? before : undefined) });
    const core = stage.core === undefined || stage.messages % messagesPerCore === 0 ? fresh() : stage.core;
    stages[place] = { core, messages: stage.messages + 1 };
    return core;
  };

  const withProof = (bodyTag: number, certReq: Buffer, signer: Signer, random: Random): Buffer => {
    const signature = signer.sign(certReq);
    if (random.oneIn(20)) signature[signature.length - 1] = (signature[signature.length - 1] as number) ^ 1;
    const proof = encodeProofOfPossession({ kind: 'signature', signingKey: { algorithmIdentifier: signer.algorithm, signature } });
    return encode(der.constructed(bodyTag, der.sequence(der.sequence(certReq, proof))));
  };
  const proven = ({ bodyTag, certReq, signer }: Provable, random: Random): Buffer =>
    withProof(bodyTag, random.oneIn(3) ? certReq.bytes : mutate(certReq, random, donors), signer, random);
  /** A body of the type that the header's message had, made anew or changed. */
  const bodyFor = (item: Protectable, random: Random): Buffer => {
    const { body } = item;
    const bodyTag = body.root?.tag ?? 0;
    const choices = provables.get(item) ?? [];
    const [key, signer] = random.pick(keys);
    if (random.oneIn(10)) return mutate(body, random, donors);
    if (bodyTag === p10cr) return encode(der.explicit(4, makeCsr({ challenge: undefined, minted: [] }, key, random, donors)));
    if (crmf.includes(bodyTag) && (choices.length === 0 || random.oneIn(2))) return withProof(bodyTag, makeCertRequest(key, random, donors), signer, random);
    return choices.length === 0 ? body.bytes : proven(random.pick(choices), random);
  };
  const make = (random: Random): Trial => {
    const item = random.pick(random.oneIn(12) ? usable : requests);
    const { part, header, mac, extraCerts } = item;
    const whole = random.oneIn(15) ? mutate(part, random, donors) : protectedPart(header, bodyFor(item, random));
    const changed = random.oneIn(8) ? whole : withFreshTransaction(whole, header, random);
    const value = mac === undefined ? member.signer.sign(changed) : createHmac(mac.parameters.mac, mac.key).update(changed).digest();
    const inside = new Cursor(changed);
    const content = inside.at(tag.sequence) ? contentOf(inside) : changed;
    const bytes = encode(der.sequence(content, der.explicit(0, der.bitString(value)), extraCerts));
    return { bytes, isVouched: true, place: random.below(endpoints.length) };
  };

  const check = async ({ bytes, place = 0 }: Trial): Promise<string> => {
    const endpoint = endpoints[place] as CmpEndpoint;
    const core = coreAt(place);
    const deps = { enrolment: core.enrolment, clock, log: core.log, ...memory };
    const reply = await handleCmpMessage(endpoint, bytes, { clientIp: `192.0.2.${bytes.at(-1) ?? 0}` }, deps);
    const [error] = core.takeErrors();
    must(error === undefined, `an error was logged: ${error}`);
    core.takeRecorded();
    const issues = core.takeIssued();
    must(issues.length <= 1, 'more than one certificate was issued for one message');
    for (const { certificate, request } of issues) {
      recheckCertificate(certificate, endpoint.profile.policy, { protocol: 'cmp', isRenewal: request.intent === 'renewal' });
    }
    if (reply.status !== 200) return `HTTP ${reply.status}`;
    const message = decodePkiMessage(reply.bytes);
    must(message.ok, `a reply cannot be read: ${message.ok ? '' : message.error.message}`);
    if (!message.ok) return '';
    const answered = decodePkiBody(message.value);
    must(answered.ok, `the body of a reply cannot be read: ${answered.ok ? '' : answered.error.message}`);
    must(message.value.protection !== undefined, 'a reply is not protected');
    for (const { orderId, isConfirmed } of reply.delivered ?? []) core.enrolment.noteDelivered(endpoint.profile, orderId, isConfirmed);
    return `${answered.ok ? statusOf(answered.value) : ''}${issues.length === 0 ? '' : ', issued'}`;
  };
  return { name: 'cmp-deep', weight: 1, make, check, isTallied: true };
}

/** Captured headers name the transaction they were part of: most messages begin one of their own. */
function withFreshTransaction(part: Buffer, header: Buffer, random: Random): Buffer {
  // directoryName of sender and recipient is [4] as well: transactionID stands after them.
  const [transactionID] = seedOf('header', header).root?.children.findLast((node) => node.tag === 0xa4)?.children ?? [];
  const at = transactionID === undefined ? -1 : part.indexOf(transactionID.raw);
  if (transactionID === undefined || at < 0) return part;
  const copy = Buffer.from(part);
  random.bytes(transactionID.raw.length - transactionID.headerLength).copy(copy, at + transactionID.headerLength);
  return copy;
}

/** The type of an answer with its status and failInfo. */
function statusOf(body: PkiBody): string {
  const shown = ({ status, failInfo = [] }: { readonly status: string; readonly failInfo?: readonly string[] }) =>
    `${body.type} ${status} ${failInfo.join('+')}`.trim();
  if (body.type === 'error') return shown(body.content.pKIStatusInfo);
  if (body.type !== 'ip' && body.type !== 'cp' && body.type !== 'kup') return body.type;
  const [first] = body.content.response;
  return first === undefined ? `${body.type} of nothing` : shown(first.status);
}
