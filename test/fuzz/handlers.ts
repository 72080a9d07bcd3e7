import { createHmac } from 'node:crypto';
import { selfSignedCertificate } from '../../src/device-client/scep-message.js';
import { createSignerMemory, handleCmpMessage } from '../../src/endpoints/cmp/index.js';
import { handlePkiOperation } from '../../src/endpoints/scep/translate.js';
import type { EnrolmentRequest } from '../../src/enrolment/request.js';
import { algorithmIdentifier, parseCsr } from '../../src/pkix/index.js';
import {
  createMacKeys,
  decodePkiBody,
  decodePkiMessage,
  deriveMacKey,
  encodeProofOfPossession,
  type MacParameters,
  protectedPart,
  readMacParameters,
} from '../../src/protocol/cmp/index.js';
import { encodeEnvelopedData, encodeSignedData } from '../../src/protocol/cms/index.js';
import { Cursor, der, encode, tag } from '../../src/protocol/der/index.js';
import { messageTypes, readCertRep, requestAttributes } from '../../src/protocol/scep/index.js';
import { mutate, type Seed, seedOf } from '../support/mutate.js';
import type { Random } from '../support/random.js';
import { type Core, clock, createCore } from './core.js';
import type { Corpus } from './corpus.js';
import { must, type Target, type Trial } from './target.js';
import { seedTime, type World } from './world.js';

/** The core starts afresh after so many messages, so that its memory and its look-ups stay small. */
const messagesPerCore = 60;

/** A core that is replaced from time to time, and what was rightly asked for at any time. */
class Stage {
  readonly #world: World;
  #core: Core;
  #messages = 0;

  constructor(world: World) {
    this.#world = world;
    this.#core = createCore(world);
  }

  next(): Core {
    this.#messages += 1;
    if (this.#messages % messagesPerCore === 0) this.#core = createCore(this.#world);
    return this.#core;
  }
}

/** Many devices, so that those who guess are not all one. */
const addressFor = (bytes: Buffer): string => `192.0.2.${bytes[bytes.length - 1] ?? 0}`;

function checkCore(core: Core, isAuthorised: (request: EnrolmentRequest) => boolean): number {
  const [error] = core.takeErrors();
  must(error === undefined, `an error was logged: ${error}`);
  const recorded = core.takeRecorded();
  for (const request of recorded) must(isAuthorised(request), `an order was recorded without authorisation: ${request.transactionId}`);
  return recorded.length;
}

/** Content that a device really asked for: what it signed or MACed itself, octet for octet. */
function contentsOf(seeds: readonly Seed[]): ReadonlySet<string> {
  return new Set(seeds.flatMap(({ nodes }) => nodes.map((node) => node.raw.toString('latin1'))));
}

function scepTarget(corpus: Corpus, world: World, donors: readonly Seed[]): Target {
  const stage = new Stage(world);
  const { device, ra, secrets, scep } = world;
  const itself = {
    certificate: selfSignedCertificate({ privateKey: device.privateKey, publicKey: device.signer.publicKey }, device.certificate.subject, seedTime, 10_000),
    privateKey: device.privateKey,
  };
  const known = { certificate: device.certificate, privateKey: device.privateKey };
  const raKey = ra.certificate.publicKey.keyObject();
  if (!raKey.ok) throw new Error(raKey.error);
  const publicKey = raKey.value;
  const genuine = contentsOf(corpus.csr);
  const own = corpus.csr.find((seed) => seed.name.startsWith('fuzz/'));
  if (own === undefined) throw new Error("There is no request of the fuzzer's own device: run make-seeds.");
  const caller = { userAgent: 'fuzz', contentType: '', method: 'POST' } as const;

  /** A request whose information was changed and signed again with the right key. */
  const signedCsr = (random: Random): Buffer => {
    const seed = random.oneIn(4) ? random.pick(corpus.csr) : own;
    if (random.oneIn(3)) return mutate(seed, random, donors);
    const [info] = seed.root?.children ?? [];
    const changed = mutate(seedOf('info', info?.raw ?? seed.bytes), random, donors);
    return encode(der.sequence(changed, algorithmIdentifier(device.signer.algorithm), der.bitString(device.signer.sign(changed))));
  };
  const enveloped = (content: Buffer): Buffer => encodeEnvelopedData({ content, cipher: 'aes128-cbc', recipient: ra.certificate, publicKey });
  const signed = (random: Random, content: Buffer, messageType: number, isChanged: boolean): Buffer => {
    const options = { messageType, transactionId: `T-${random.below(20)}`, senderNonce: Buffer.alloc(16, 9) };
    const plain = requestAttributes(options).map(encode);
    const attributes = isChanged ? plain.map((attribute) => (random.oneIn(2) ? mutate(seedOf('attribute', attribute), random, donors) : attribute)) : plain;
    const signer = random.oneIn(3) ? known : itself;
    return encodeSignedData({ content, digest: 'sha256', signer, attributes, certificates: [signer.certificate.der] });
  };

  const make = (random: Random): Trial => {
    const type = random.oneIn(5) ? messageTypes.RenewalReq : messageTypes.PKCSReq;
    switch (random.below(8)) {
      case 0:
      case 1:
        return { bytes: mutate(random.pick(corpus.scep), random, donors), isVouched: false };
      case 2:
      case 3:
      case 4:
        return { bytes: signed(random, enveloped(signedCsr(random)), type, false), isVouched: true };
      case 5:
        return {
          bytes: signed(
            random,
            enveloped(mutate(random.pick([...corpus.data, ...corpus.csr]), random, donors)),
            random.pick(Object.values(messageTypes)),
            false,
          ),
          isVouched: true,
        };
      case 6:
        return { bytes: signed(random, mutate(random.pick(corpus.envelope), random, donors), type, false), isVouched: true };
      default:
        return { bytes: signed(random, enveloped(own.bytes), random.oneIn(2) ? type : random.below(30), true), isVouched: true };
    }
  };

  /** The challenge is right, and the content is either signed by its device for us or was so before. */
  const isAuthorised = (trial: Trial) => (request: EnrolmentRequest) => {
    const csr = parseCsr(request.content);
    return csr.ok && csr.value.challengePassword === secrets.challenge && (trial.isVouched || genuine.has(request.content.toString('latin1')));
  };

  const check = async (trial: Trial): Promise<string> => {
    const core = stage.next();
    const reply = await handlePkiOperation(scep, trial.bytes, { ...caller, clientIp: addressFor(trial.bytes) }, core);
    const orders = checkCore(core, isAuthorised(trial));
    if (reply.kind !== 'certRep') return reply.kind;
    const read = readCertRep(reply.message, ra.certificate);
    must(read.ok, `a reply cannot be read: ${read.ok ? '' : read.error}`);
    if (reply.orderId !== undefined) core.enrolment.noteDelivered(scep.profile, reply.orderId, false);
    return `${reply.status} ${orders}`;
  };
  return { name: 'scep-handler', weight: 2, make, check };
}

interface MacKey {
  readonly parameters: MacParameters;
  readonly key: Buffer;
}

/** A message taken apart so that a changed header or body can be protected again. */
export interface Protectable {
  readonly part: Seed;
  readonly header: Buffer;
  readonly body: Seed;
  /** CertRequest of ir, cr and kur. */
  readonly certReq: Seed | undefined;
  readonly mac: MacKey | undefined;
  readonly extraCerts: Buffer;
}

export async function protectable(seed: Seed, world: World): Promise<Protectable | undefined> {
  const message = decodePkiMessage(seed.bytes);
  if (!message.ok) return undefined;
  const { headerDer, bodyDer, extraCerts, header } = message.value;
  const parameters = header.protectionAlg && readMacParameters(header.protectionAlg, { minIterations: 1, maxIterations: 5_000, hmacSha1: true });
  const mac = parameters?.ok ? { parameters: parameters.value, key: await deriveMacKey(parameters.value, Buffer.from(world.secrets.secret)) } : undefined;
  const extra = extraCerts.length === 0 ? Buffer.alloc(0) : encode(der.explicit(1, der.sequence(...extraCerts)));
  return {
    part: seedOf(seed.name, protectedPart(headerDer, bodyDer)),
    header: headerDer,
    body: seedOf(seed.name, bodyDer),
    certReq: certReqOf(seedOf(seed.name, bodyDer)),
    mac,
    extraCerts: extra,
  };
}

/** ir [0], cr [2], kur [7]: the first CertReqMsg's first field. */
function certReqOf(body: Seed): Seed | undefined {
  const isCrmf = [0xa0, 0xa2, 0xa7].includes(body.root?.tag ?? 0);
  const certReq = isCrmf ? body.root?.children[0]?.children[0]?.children[0] : undefined;
  return certReq && seedOf('certReq', certReq.raw);
}

const seedTransaction = Buffer.alloc(16, 0x77);

/** The seeds have one transactionID; most trials are transactions of their own. */
function withOwnTransaction(part: Buffer, random: Random): Buffer {
  const at = part.indexOf(seedTransaction);
  if (at < 0 || random.oneIn(4)) return part;
  const copy = Buffer.from(part);
  random.bytes(16).copy(copy, at);
  return copy;
}

async function cmpTarget(corpus: Corpus, world: World, donors: readonly Seed[]): Promise<Target> {
  const stage = new Stage(world);
  const { device, member, cmp } = world;
  const parts = (await Promise.all(corpus.cmp.map((seed) => protectable(seed, world)))).filter((item) => item !== undefined);
  const signable = parts.filter((item) => item.part.name.startsWith('fuzz/') && item.mac === undefined);
  const macable = parts.filter((item) => item.mac !== undefined);
  const genuine = new Set(parts.map(({ part }) => part.bytes.toString('latin1')));
  const signers = createSignerMemory();
  const macKeys = createMacKeys();

  /** A changed CertRequest with a true proof of possession of the device's key. */
  const proven = (body: Seed, certReq: Seed, random: Random): Buffer => {
    const changed = mutate(certReq, random, donors);
    const signingKey = { algorithmIdentifier: device.signer.algorithm, signature: device.signer.sign(changed) };
    const message = der.sequence(changed, encodeProofOfPossession({ kind: 'signature', signingKey }));
    return encode(der.constructed(body.root?.tag ?? 0xa0, der.sequence(message)));
  };
  const protectedAgain = (random: Random): Buffer => {
    const { part, header, body, certReq, mac, extraCerts } = random.pick(random.oneIn(3) ? signable : macable);
    const mutatedBody = (): Buffer => (certReq === undefined || random.oneIn(3) ? mutate(body, random, donors) : proven(body, certReq, random));
    const mutated = random.oneIn(3) ? mutate(part, random, donors) : protectedPart(header, mutatedBody());
    const changed = withOwnTransaction(mutated, random);
    const value = mac === undefined ? member.signer.sign(changed) : createHmac(mac.parameters.mac, mac.key).update(changed).digest();
    const inside = new Cursor(changed);
    const content = inside.at(tag.sequence) ? contentOf(inside) : changed;
    return encode(der.sequence(content, der.explicit(0, der.bitString(value)), extraCerts));
  };
  const make = (random: Random): Trial =>
    random.oneIn(3) ? { bytes: mutate(random.pick(corpus.cmp), random, donors), isVouched: false } : { bytes: protectedAgain(random), isVouched: true };

  const check = async (trial: Trial): Promise<string> => {
    const core = stage.next();
    const deps = { enrolment: core.enrolment, clock, log: core.log, macKeys, signers };
    const reply = await handleCmpMessage(cmp, trial.bytes, { clientIp: addressFor(trial.bytes) }, deps);
    const orders = checkCore(core, (request) => trial.isVouched || genuine.has(request.content.toString('latin1')));
    if (reply.status !== 200) return String(reply.status);
    const message = decodePkiMessage(reply.bytes);
    must(message.ok, `a reply cannot be read: ${message.ok ? '' : message.error.message}`);
    if (!message.ok) return '';
    const body = decodePkiBody(message.value);
    must(body.ok, `the body of a reply cannot be read: ${body.ok ? '' : body.error.message}`);
    must(message.value.protection !== undefined, 'a reply is not protected');
    for (const { orderId, isConfirmed } of reply.delivered ?? []) core.enrolment.noteDelivered(cmp.profile, orderId, isConfirmed);
    return `${message.value.bodyType} ${orders}`;
  };
  return { name: 'cmp-handler', weight: 2, make, check };
}

export function contentOf(cursor: Cursor): Buffer {
  try {
    return cursor.content(tag.sequence);
  } catch {
    return Buffer.alloc(0);
  }
}

/** The handlers of both protocols over the real core: with messages as an attacker changes them, and as a device with the right keys could send them. */
export async function handlerTargets(corpus: Corpus, world: World): Promise<Target[]> {
  const donors = [...corpus.csr, ...corpus.certificate, ...corpus.cmp, ...corpus.scep, ...corpus.name, ...corpus.names];
  return [scepTarget(corpus, world, donors), await cmpTarget(corpus, world, donors)];
}
