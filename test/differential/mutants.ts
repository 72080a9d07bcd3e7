import { hash, type KeyObject } from 'node:crypto';
import { algorithmIdentifier, type Certificate, createSigner, type Digest, publicKeyOf } from '../../src/pkix/index.js';
import { attribute, issuerAndSerial, keyIdentifierOf } from '../../src/protocol/cms/index.js';
import { contextConstructed, der, type Element, encode, oids, tag } from '../../src/protocol/der/index.js';
import { requestAttributes } from '../../src/protocol/scep/index.js';
import type { Corpus } from '../fuzz/corpus.js';
import type { World } from '../fuzz/world.js';
import type { Node } from '../support/der-tree.js';
import { mutate, type Seed, seedOf } from '../support/mutate.js';
import type { Random } from '../support/random.js';

/** How a mutant was made: which parts of it nobody vouches for. */
export const mutantKinds = ['anywhere', 'unsigned parts', 'signed anew', 'signed anew, then unsigned parts'] as const;
export type MutantKind = (typeof mutantKinds)[number];

export interface Mutant {
  readonly kind: MutantKind;
  readonly bytes: Buffer;
}

/** The seed with only those nodes to change that no signature covers: what is left of the outer layer without content, attributes and signature. */
function unsignedPartsOf(seed: Seed): Seed {
  const signedData = seed.root?.children[1]?.children[0];
  const encapsulated = signedData?.children[2];
  const signerInfo = signedData?.children.at(-1)?.children[0];
  const covered = [encapsulated, signerInfo?.children.find((node) => node.tag === 0xa0), signerInfo?.children.find((node) => node.tag === 0x04)];
  const isCovered = (node: Node): boolean => covered.includes(node) || (node.parent !== undefined && isCovered(node.parent));
  return { ...seed, nodes: seed.nodes.filter((node) => !isCovered(node)) };
}

interface Hand {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
}

const digests: readonly Digest[] = ['sha256', 'sha256', 'sha1', 'sha384', 'sha512', 'sha224'];
const digestAlgorithm = (digest: Digest): Element => algorithmIdentifier({ oid: oids[digest], parameters: encode(der.nullValue()) });

/** Makes mutants of the outer SignedData of the committed requests, half of them signed by the right key after the change. */
export function createMutants(corpus: Corpus, world: World): (random: Random) => Mutant {
  const seeds = corpus.scep;
  const unsigned = seeds.map(unsignedPartsOf);
  const donors = [...seeds, ...corpus.certificate, ...corpus.crl, ...corpus.cmp];
  const hands: readonly Hand[] = [world.device, world.device, world.ra, world.member];

  const signedAnew = (random: Random): Buffer => {
    const hand = random.pick(hands);
    const digest = random.pick(digests);
    const envelope = random.pick(corpus.envelope);
    const content = random.oneIn(3) ? mutate(envelope, random, donors) : envelope.bytes;
    const attributes = shuffled(signedAttributes(content, digest, random, donors), random);
    const signed = der.retagged(contextConstructed(0), encode(random.oneIn(3) ? der.set(...attributes) : der.setOf(attributes)));
    const covered = random.oneIn(8) ? encode(der.setOf(attributes)) : der.retagged(tag.set, signed);
    const signer = createSigner(hand.privateKey, publicKeyOf(hand.privateKey), digest);
    const isRsa = signer.publicKey.type === 'rsa';
    const algorithm = isRsa && !random.oneIn(4) ? { oid: oids.rsaEncryption, parameters: encode(der.nullValue()) } : signer.algorithm;
    const isByKey = random.oneIn(3);
    const sid = isByKey ? der.implicitPrimitive(0, keyIdentifierOf(hand.certificate)) : issuerAndSerial(hand.certificate);
    const unsignedAttributes = random.oneIn(6) ? der.retagged(contextConstructed(1), encode(der.set(oddAttribute(random, donors)))) : undefined;
    const named = random.oneIn(10) ? random.pick(digests) : digest;
    const info = der.sequence(
      der.integer(isByKey ? 3 : 1),
      sid,
      digestAlgorithm(random.oneIn(20) ? random.pick(digests) : digest),
      signed,
      algorithmIdentifier(algorithm),
      der.octetString(signer.sign(covered)),
      unsignedAttributes,
    );
    const others = Array.from({ length: random.below(3) }, () => {
      const seed = random.pick(corpus.certificate);
      return random.oneIn(4) ? mutate(seed, random, donors) : seed.bytes;
    });
    const crls = random.oneIn(6) ? der.constructed(contextConstructed(1), random.pick(corpus.crl).bytes) : undefined;
    const signedData = der.sequence(
      der.integer(random.oneIn(10) ? random.below(6) : 1),
      der.set(digestAlgorithm(named)),
      der.sequence(der.oid(oids.data), der.explicit(0, der.octetString(content))),
      der.constructed(contextConstructed(0), ...shuffled([hand.certificate.der, ...others], random)),
      crls,
      der.set(info),
    );
    return encode(der.sequence(der.oid(oids.signedData), der.explicit(0, signedData)));
  };

  return (random) => {
    const kind = random.pick(mutantKinds);
    switch (kind) {
      case 'anywhere':
        return { kind, bytes: mutate(random.pick(seeds), random, donors) };
      case 'unsigned parts':
        return { kind, bytes: mutate(random.pick(unsigned), random, donors) };
      case 'signed anew':
        return { kind, bytes: signedAnew(random) };
      case 'signed anew, then unsigned parts':
        return { kind, bytes: mutate(unsignedPartsOf(seedOf('signed', signedAnew(random))), random, donors) };
    }
  };
}

function signedAttributes(content: Buffer, digest: Digest, random: Random, donors: readonly Seed[]): Buffer[] {
  const own = requestAttributes({ messageType: 19, transactionId: `T-${random.below(9)}`, senderNonce: random.bytes(16) });
  const all = [
    attribute(oids.contentType, der.oid(random.oneIn(12) ? oids.envelopedData : oids.data)),
    attribute(oids.messageDigest, der.octetString(random.oneIn(12) ? random.bytes(32) : hash(digest, content, 'buffer'))),
    ...own,
    ...(random.oneIn(4) ? [oddAttribute(random, donors)] : []),
  ].map(encode);
  return all.map((item) => (random.oneIn(12) ? mutate(seedOf('attribute', item), random, donors) : item));
}

function oddAttribute(random: Random, donors: readonly Seed[]): Element {
  const { nodes } = random.pick(donors);
  return attribute(random.pick(Object.values(oids)), nodes.length === 0 ? der.nullValue() : random.pick(nodes).raw);
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  if (random.oneIn(2)) return order;
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = random.below(at + 1);
    [order[at], order[other]] = [order[other] as T, order[at] as T];
  }
  return order;
}
