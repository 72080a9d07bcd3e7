import { constants, publicEncrypt } from 'node:crypto';
import { selfSignedCertificate } from '../../../src/device-client/scep-message.js';
import { algorithmIdentifier, type Certificate, createSigner, nameFromText, parseCertificate } from '../../../src/pkix/index.js';
import {
  type CmsSigner,
  type ContentCipher,
  contentCiphers,
  encodeEnvelopedData,
  encodeSignedData,
  issuerAndSerial,
  type KeyTransport,
} from '../../../src/protocol/cms/index.js';
import { der, encode } from '../../../src/protocol/der/index.js';
import { issuerAndSubject, messageTypes, requestAttributes } from '../../../src/protocol/scep/index.js';
import { mutate, type Seed, seedOf } from '../../support/mutate.js';
import type { Random } from '../../support/random.js';
import { seedTime, type World } from '../world.js';
import { makeCsr } from './csr.js';
import type { Place } from './places.js';
import type { PoolKey } from './pool.js';

const ciphers = Object.keys(contentCiphers) as ContentCipher[];
const transports: readonly KeyTransport[] = [
  { kind: 'oaep', digest: 'sha1', maskDigest: 'sha1', label: Buffer.alloc(0) },
  { kind: 'oaep', digest: 'sha256', maskDigest: 'sha256', label: Buffer.alloc(0) },
];

/** Makes requests that are encrypted and signed by the rules, whatever was changed inside. */
export interface MessageMaker {
  message(place: Place, random: Random): Buffer;
}

export function createMessageMaker(world: World, pool: readonly PoolKey[], donors: readonly Seed[]): MessageMaker {
  const { ra, ca } = world;
  const raKey = ra.certificate.publicKey.keyObject();
  if (!raKey.ok) throw new Error(raKey.error);
  const publicKey = raKey.value;
  const subject = nameFromText('CN=SCEP SIGNER');
  if (!subject.ok) throw new Error(subject.error);
  const selfSigned = new Map(
    pool.filter(({ publicKey: { type } }) => type === 'rsa' || type === 'ec').map((key) => [key, selfSignedCertificate(key, subject.value, seedTime)]),
  );
  const rsa = pool.filter((key) => key.publicKey.type === 'rsa');
  const large = pool.filter(({ name }) => /^rsa-(3072|4096)/.test(name));
  const ordinary = pool.filter(({ name }) => /^rsa-2048|^rsa-3072/.test(name));

  /** Who signs, and the key that is to be certified. */
  const parties = (place: Place, random: Random): { signer: CmsSigner; wanted: PoolKey } => {
    const usual = place.name === 'large' ? large : ordinary;
    const [key, other] = [random.pick(random.oneIn(4) ? rsa : usual), random.pick(pool)];
    const itself = (item: PoolKey): CmsSigner => ({ certificate: selfSigned.get(item) ?? item.certificate, privateKey: item.privateKey });
    const kind = random.below(place.name === 'renewals' ? 22 : 14);
    if (kind < 8) return { signer: itself(key), wanted: key };
    if (kind === 8) return { signer: withOddCertificate(itself(key), key, random), wanted: key };
    if (kind === 9) return { signer: itself(key), wanted: other };
    const signer = { certificate: key.certificate, privateKey: key.privateKey };
    return { signer, wanted: random.oneIn(3) ? key : other };
  };

  /** A self-signed certificate whose content was changed before its key signed it. */
  const withOddCertificate = (signer: CmsSigner, key: PoolKey, random: Random): CmsSigner => {
    const tbs = seedOf('certificate', signer.certificate.der).root?.children[0]?.raw ?? Buffer.alloc(0);
    const changed = mutate(seedOf('tbs', tbs), random, donors);
    const issuer = createSigner(key.privateKey, key.publicKey);
    const parsed = parseCertificate(encode(der.sequence(changed, algorithmIdentifier(issuer.algorithm), der.bitString(issuer.sign(changed)))));
    return parsed.ok ? { ...signer, certificate: parsed.value } : signer;
  };

  const contentFor = (type: number, place: Place, wanted: PoolKey, random: Random): Buffer => {
    const named = random.pick(pool).certificate;
    if (type === messageTypes.CertPoll) return changedOnce(encode(issuerAndSubject(ca.certificate.subject, named.subject)), random);
    if (type === messageTypes.GetCert || type === messageTypes.GetCRL) return changedOnce(encode(issuerAndSerial(named)), random);
    return makeCsr(place, wanted, random, donors);
  };
  const changedOnce = (bytes: Buffer, random: Random): Buffer => (random.oneIn(3) ? mutate(seedOf('data', bytes), random, donors) : bytes);

  const enveloped = (content: Buffer, recipient: Certificate, random: Random): Buffer => {
    const cipher = random.oneIn(8) ? random.pick(ciphers) : 'aes128-cbc';
    const envelope = encodeEnvelopedData({
      content,
      cipher,
      recipient,
      publicKey,
      ...(random.oneIn(10) ? { transport: random.pick(transports) } : {}),
      ...(random.oneIn(4) ? { identifiedBy: 'subjectKeyIdentifier' } : {}),
    });
    if (random.oneIn(40)) return withOddBlock(envelope, random);
    return random.oneIn(20) ? mutate(withoutContent(seedOf('envelope', envelope)), random, donors) : envelope;
  };

  /** The encrypted key replaced by one for a block of our choice: badly padded, or a key of any length. */
  const withOddBlock = (envelope: Buffer, random: Random): Buffer => {
    const seed = seedOf('envelope', envelope);
    const wrapped = seed.nodes.find(({ tag, raw }) => tag === 0x04 && raw.length > 250 && raw.length < 270);
    if (wrapped === undefined) return envelope;
    const block = Buffer.concat([Buffer.of(0, random.pick([2, 2, 1, 0])), random.bytes(254)]);
    const encrypted = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
    const copy = Buffer.from(envelope);
    encrypted.copy(copy, envelope.indexOf(wrapped.raw) + wrapped.headerLength);
    return copy;
  };

  const message = (place: Place, random: Random): Buffer => {
    const { signer, wanted } = parties(place, random);
    const types = Object.values(messageTypes);
    const isRenewal = place.name === 'renewals' ? random.oneIn(2) : random.oneIn(6);
    const type = random.oneIn(12) ? random.pick(types) : isRenewal ? messageTypes.RenewalReq : messageTypes.PKCSReq;
    const content = enveloped(contentFor(type, place, wanted, random), ra.certificate, random);
    const options = {
      messageType: random.oneIn(80) ? random.below(40) : type,
      transactionId: `T-${random.below(60)}`,
      senderNonce: random.bytes(random.oneIn(40) ? random.below(80) : 16),
      ...(random.oneIn(8) ? { signingTime: seedTime } : {}),
    };
    const plain = requestAttributes(options).map(encode);
    const attributes = plain.map((item) => (random.oneIn(40) ? mutate(seedOf('attribute', item), random, donors) : item));
    const digest = random.oneIn(12) ? random.pick(['sha1', 'sha384', 'sha512'] as const) : 'sha256';
    const others = random.oneIn(8) ? [ca.certificate.der, random.pick(pool).certificate.der] : [];
    return encodeSignedData({ content, digest, signer, attributes, certificates: [signer.certificate.der, ...others] });
  };
  return { message };
}

/** Changes to the encrypted octets only ever reach decryption; the rest is more worth while. */
function withoutContent(seed: Seed): Seed {
  return { ...seed, nodes: seed.nodes.filter((node) => node.tag !== 0x80 || node.raw.length < 64) };
}
