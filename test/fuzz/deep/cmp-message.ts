import { createHmac } from 'node:crypto';
import { buildMessage, type CmpTransaction } from '../../../src/device-client/cmp-messages.js';
import { type Certificate, createSigner, emptyName, type Signer } from '../../../src/pkix/index.js';
import {
  crlReasonDetails,
  decodePkiMessage,
  encodeNestedContent,
  encodePkiBody,
  encodeProofOfPossession,
  encodeSubsequentMessage,
  type ProofOfPossession,
  protectedPart,
  signatureProtector,
} from '../../../src/protocol/cmp/index.js';
import { Cursor, der, encode, tag } from '../../../src/protocol/der/index.js';
import { contentOf as contentOfNode, headerOf, render } from '../../support/der-tree.js';
import { mutate, type Seed, seedOf } from '../../support/mutate.js';
import type { Random } from '../../support/random.js';
import type { Corpus } from '../corpus.js';
import { contentOf, type Protectable, protectable } from '../handlers.js';
import type { World } from '../world.js';
import { makeCertRequest, makeCsr } from './csr.js';
import type { PoolKey } from './pool.js';

/** Tags of ir, cr, kur and p10cr in PKIBody. */
const crmf: readonly number[] = [0xa0, 0xa2, 0xa7];
const p10cr = 0xa4;

/** Who protects a message: its header, what goes beside it, and the value over any content. */
export interface Sender {
  readonly header: Buffer;
  readonly extraCerts: Buffer;
  protect(part: Buffer): Buffer;
}

/** A CertRequest with the key that stands in it, to prove its possession after a change. */
interface Provable {
  readonly certReq: Seed;
  readonly signer: Signer;
}

interface Item {
  readonly seed: Protectable;
  readonly bodyTag: number;
  readonly sender: Sender;
  readonly provables: readonly Provable[];
}

export interface CmpMessageMaker {
  /** Any message of the corpus with changes that nobody protected anew. */
  forged(random: Random): Buffer;
  /** A message changed inside and protected anew by someone who may. */
  protectedAnew(random: Random): Buffer;
}

function senderOf({ header, extraCerts, mac }: Protectable, member: Signer): Sender {
  const protect = mac === undefined ? (part: Buffer) => member.sign(part) : (part: Buffer) => createHmac(mac.parameters.mac, mac.key).update(part).digest();
  return { header, extraCerts, protect };
}

/** A header of its own for each key of the pool, as a device of that certificate writes it. */
function poolSender(key: PoolKey, signer: Signer, random: Buffer): Sender {
  const message = decodePkiMessage(buildMessage(transactionOf(key.certificate, signer, random), { senderNonce: random }, { type: 'pkiconf' }));
  if (!message.ok) throw message.error;
  const extraCerts = encode(der.explicit(1, der.sequence(...message.value.extraCerts)));
  return { header: message.value.headerDer, extraCerts, protect: (part) => signer.sign(part) };
}

function transactionOf(certificate: Certificate, signer: Signer, transactionID: Buffer): CmpTransaction {
  const credential = { kind: 'certificate', certificate, chain: [], signer } as const;
  return { credential, protector: signatureProtector(signer, certificate), transactionID, recipient: emptyName };
}

/** The CertRequests of the corpus, each with every key of the pool in place of the device's. */
function provablesOf({ certReq }: Protectable, signers: readonly Signer[], device: Signer): readonly Provable[] {
  const key = certReq?.nodes.find((node) => node.tag === 0xa6 && contentOfNode(node).equals(new Cursor(device.publicKey.spki).content(tag.sequence)));
  if (certReq?.root === undefined || key === undefined) return [];
  const { root } = certReq;
  const others = signers.map((signer) => {
    const content = new Cursor(signer.publicKey.spki).content(tag.sequence);
    const bytes = render(root, new Map([[key, { kind: 'replace', bytes: Buffer.concat([headerOf(0xa6, content.length), content]) }]]));
    return { certReq: seedOf('certReq', bytes), signer };
  });
  return [{ certReq, signer: device }, ...others];
}

export async function createCmpMessageMaker(corpus: Corpus, world: World, pool: readonly PoolKey[]): Promise<CmpMessageMaker> {
  const { member, device } = world;
  const donors = [...corpus.cmp, ...corpus.csr, ...corpus.name, ...corpus.names, ...corpus.key];
  const parts = (await Promise.all(corpus.cmp.map((seed) => protectable(seed, world)))).filter((item) => item !== undefined);
  const sound = parts.filter((item) => !item.part.name.startsWith('agreed/'));
  const usable = sound.filter((item) => item.mac !== undefined || item.part.name.startsWith('fuzz/'));
  const signers = pool.map(({ privateKey, publicKey }) => createSigner(privateKey, publicKey));
  const keys = pool.map((key, index) => [key, signers[index] as Signer] as const);
  const poolSenders = keys.map(([key, signer], index) => poolSender(key, signer, Buffer.alloc(16, index + 1)));
  const items = usable.map((seed): Item => {
    const bodyTag = seed.body.root?.tag ?? 0;
    return { seed, bodyTag, sender: senderOf(seed, member.signer), provables: crmf.includes(bodyTag) ? provablesOf(seed, signers, device.signer) : [] };
  });
  const requests = items.filter(({ bodyTag }) => [...crmf, p10cr].includes(bodyTag));

  const proofFor = (certReq: Buffer, signer: Signer, random: Random): ProofOfPossession | undefined => {
    if (random.oneIn(30)) return undefined;
    if (random.oneIn(20)) return { kind: 'raVerified' };
    if (random.oneIn(20))
      return {
        kind: random.oneIn(2) ? 'keyEncipherment' : 'keyAgreement',
        privKey: encode(encodeSubsequentMessage(random.oneIn(4) ? 'challengeResp' : 'encrCert')),
      };
    const signature = signer.sign(certReq);
    if (random.oneIn(20)) signature[signature.length - 1] = (signature[signature.length - 1] as number) ^ 1;
    return { kind: 'signature', signingKey: { algorithmIdentifier: signer.algorithm, signature } };
  };
  const certReqMsg = (certReq: Buffer, signer: Signer, random: Random): Buffer => {
    const proof = proofFor(certReq, signer, random);
    return encode(der.sequence(certReq, proof && encodeProofOfPossession(proof)));
  };
  const oneRequest = ({ provables }: Item, random: Random): Buffer => {
    const [key, signer] = random.pick(keys);
    if (provables.length === 0 || random.oneIn(2)) return certReqMsg(makeCertRequest(key, random, donors), signer, random);
    const { certReq, signer: prover } = random.pick(provables);
    return certReqMsg(random.oneIn(3) ? certReq.bytes : mutate(certReq, random, donors), prover, random);
  };
  const revocation = (random: Random): Buffer => {
    const { certificate } = random.pick(pool);
    const certDetails = { issuer: certificate.issuer, serialNumber: certificate.serial };
    return encode(encodePkiBody({ type: 'rr', details: [{ certDetails, crlEntryDetails: crlReasonDetails(random.pick([0, 1, 4, 6, 8])) }] }));
  };
  /** A body of the type of the item, made anew or changed. */
  const bodyFor = (item: Item, random: Random): Buffer => {
    const { bodyTag, seed } = item;
    if (random.oneIn(10)) return mutate(seed.body, random, donors);
    if (random.oneIn(30)) return revocation(random);
    if (bodyTag === p10cr) return encode(der.explicit(4, makeCsr({ challenge: undefined, minted: [] }, random.pick(keys)[0], random, donors)));
    if (!crmf.includes(bodyTag)) return seed.body.bytes;
    const count = random.oneIn(25) ? 2 + random.below(3) : 1;
    return encode(der.constructed(bodyTag, der.sequence(...Array.from({ length: count }, () => oneRequest(item, random)))));
  };
  const plain = (random: Random): Buffer => {
    const item = random.pick(random.oneIn(12) ? items : requests);
    const sender = random.oneIn(3) ? random.pick(poolSenders) : item.sender;
    const whole = random.oneIn(15)
      ? mutate(seedOf('part', protectedPart(sender.header, item.seed.body.bytes)), random, donors)
      : protectedPart(sender.header, bodyFor(item, random));
    return finished(random.oneIn(8) ? whole : withFreshTransaction(whole, sender.header, random), sender);
  };
  /** What an RA, or one who is none, sends for others. */
  const nested = (random: Random): Buffer => {
    const index = random.below(pool.length);
    const [inside, second] = [plain(random), random.oneIn(3) ? plain(random) : undefined];
    const read = decodePkiMessage(inside);
    const header = read.ok ? read.value.header : undefined;
    const transaction = transactionOf((pool[index] as PoolKey).certificate, signers[index] as Signer, header?.transactionID ?? random.bytes(16));
    const content = encodeNestedContent(second === undefined ? [inside] : [inside, second]);
    const ids = { senderNonce: header?.senderNonce ?? random.bytes(16) };
    return buildMessage(second === undefined ? transaction : { ...transaction, transactionID: random.bytes(16) }, ids, { type: 'nested', content });
  };
  return {
    forged: (random) => mutate(random.pick(corpus.cmp), random, donors),
    protectedAnew: (random) => (random.oneIn(15) ? nested(random) : plain(random)),
  };
}

/** A whole message, protected by its sender over what stands in it now. */
export function finished(part: Buffer, { protect, extraCerts }: Sender): Buffer {
  const inside = new Cursor(part);
  const content = inside.at(tag.sequence) ? contentOf(inside) : part;
  return encode(der.sequence(content, der.explicit(0, der.bitString(protect(part))), extraCerts));
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
