import { questionOf } from '../../../src/device-client/cmp-general.js';
import { buildMessage, type CmpCredential, type CmpTransaction, protectorOf, type ServerEncapsulation } from '../../../src/device-client/cmp-messages.js';
import { type Certificate, createSigner, emptyName, encapsulate } from '../../../src/pkix/index.js';
import {
  deriveMacKey,
  dhMac,
  dhMacAlgorithm,
  dhMacKey,
  encodeAgreeMac,
  encodePkiBody,
  encodeProofOfPossession,
  type InfoTypeAndValue,
  kemCiphertextItem,
  type PkiHeader,
  type ProofOfPossession,
  pbmParameters,
  protectedPart,
} from '../../../src/protocol/cmp/index.js';
import { Cursor, der, encode, oids } from '../../../src/protocol/der/index.js';
import { mutate, type Seed, seedOf } from '../../support/mutate.js';
import type { Random } from '../../support/random.js';
import type { Corpus } from '../corpus.js';
import type { World } from '../world.js';
import { finished } from './cmp-message.js';
import { makeCertRequest } from './csr.js';
import type { Encryption } from './encryption.js';
import type { PoolKey } from './pool.js';

const sha256 = { owf: 'sha256', mac: 'sha256' } as const;
const passphrase = Buffer.from('lost and found again');

/** What a device that left a passphrase is found by: each leaves one only under its own name. */
export const passphraseName = ({ serial }: Certificate): string => `lost-${serial.toString('hex')}`;

interface Sender {
  readonly credential: CmpCredential;
  /** Derived from the secret. */
  readonly key?: Buffer;
  readonly certificate: Certificate | undefined;
}

/** Messages whose protection, answer, proof or passphrase rests on an encryption key of the RA; protected by someone who may, whatever is changed inside. */
export async function createAgreedMessageMaker(
  corpus: Corpus,
  world: World,
  pool: readonly PoolKey[],
  encryption: Encryption,
): Promise<(random: Random) => Buffer> {
  const { agreeing, agreement, kem } = encryption;
  const { member, secrets } = world;
  const donors: readonly Seed[] = [...corpus.cmp, ...corpus.name, ...corpus.key];
  const parameters = pbmParameters({ salt: Buffer.alloc(16, 0x33), owf: 'sha256', iterationCount: 500, mac: 'sha256' });
  const secretOf = (reference: string, key: Buffer): Sender => ({
    credential: { kind: 'secret', reference, secret: Buffer.alloc(0), parameters },
    key,
    certificate: undefined,
  });
  const [sharedKey, passphraseKey] = [await deriveMacKey(parameters, Buffer.from(secrets.secret)), await deriveMacKey(parameters, passphrase)];
  const opener = { kind: 'key', privateKey: agreeing.privateKey } as const;
  const agreed: CmpCredential = {
    kind: 'agreement',
    certificate: agreeing.certificate,
    chain: [],
    opener,
    privateKey: agreeing.privateKey,
    agreeWith: agreement,
  };
  const senders: readonly Sender[] = [
    { credential: agreed, certificate: agreeing.certificate },
    { credential: { kind: 'certificate', certificate: member.certificate, chain: [], signer: member.signer }, certificate: member.certificate },
    ...pool.slice(0, 3).map(({ certificate, privateKey, publicKey }) => {
      const credential = { kind: 'certificate', certificate, chain: [], signer: createSigner(privateKey, publicKey) } as const;
      return { credential, certificate };
    }),
    secretOf(secrets.reference, sharedKey),
  ];
  const holders = senders.flatMap(({ certificate }) => certificate ?? []);

  const proofFor = (certReq: Buffer, key: PoolKey, random: Random): ProofOfPossession => {
    const agreedKey = dhMacKey(key.privateKey, agreement.publicKey, sha256);
    if (agreedKey === undefined || random.oneIn(4)) {
      const signer = createSigner(key.privateKey, key.publicKey);
      return { kind: 'signature', signingKey: { algorithmIdentifier: signer.algorithm, signature: signer.sign(certReq) } };
    }
    const value = dhMac(agreedKey, sha256, certReq);
    if (random.oneIn(8)) value[0] = (value[0] as number) ^ 1;
    const privKey = encode(encodeAgreeMac({ algId: dhMacAlgorithm(sha256), value }));
    return {
      kind: random.oneIn(15) ? 'keyEncipherment' : 'keyAgreement',
      privKey: random.oneIn(10) ? mutate(seedOf('privKey', privKey), random, donors) : privKey,
    };
  };
  const request = (random: Random): Buffer => {
    const key = random.oneIn(3) ? random.pick(pool) : agreeing;
    const certReq = makeCertRequest(key, random, donors);
    const message = der.sequence(certReq, encodeProofOfPossession(proofFor(certReq, key, random)));
    return encode(der.constructed(random.pick([0xa0, 0xa0, 0xa2, 0xa7]), der.sequence(message)));
  };
  const leaving = (keyId: string): InfoTypeAndValue => {
    const made = questionOf('revPassphrase', { languages: [], passphrase: { passphrase, keyId: Buffer.from(keyId), recipient: agreement } });
    if (!made.ok) throw new Error(made.error);
    return made.value;
  };
  const revocation = ({ issuer, serial }: Certificate): Buffer =>
    encode(encodePkiBody({ type: 'rr', details: [{ certDetails: { issuer, serialNumber: serial } }] }));
  const encapsulation = (random: Random): ServerEncapsulation | undefined => {
    const { publicKey } = kem;
    if (publicKey.type !== 'ml-kem' || random.oneIn(3)) return undefined;
    const { cipherText, sharedSecret } = encapsulate(oids.mlKem768, publicKey.bits, random.bytes(32));
    const named = { sharedSecret, ...(!random.oneIn(4) && { recipKID: publicKey.keyIdentifier }) };
    if (random.oneIn(8)) return { ...named, item: kemCiphertextItem(oids.mlKem768, random.bytes(random.pick([1088, 1087, 0]))) };
    const item = kemCiphertextItem(oids.mlKem768, cipherText);
    const isChanged = item.infoValue !== undefined && random.oneIn(8);
    return { ...named, item: isChanged ? { ...item, infoValue: mutate(seedOf('cipherText', item.infoValue ?? cipherText), random, donors) } : item };
  };
  const written = ({ credential, key }: Sender, body: Buffer, random: Random, more: Partial<PkiHeader> = {}): Buffer => {
    const given = encapsulation(random);
    const protector = protectorOf(credential, key);
    const fixed = { credential, protector, transactionID: random.bytes(16), recipient: emptyName, pvno: random.oneIn(12) ? 2 : 3 } as const;
    const transaction: CmpTransaction = { ...fixed, ...(given && { encapsulation: given }) };
    // Some items of the header may be no DER any more: its octets are taken as they stand.
    const blank = new Cursor(buildMessage(transaction, { senderNonce: random.bytes(16) }, { type: 'pkiconf' }, more)).sequence();
    const headerDer = blank.element();
    const extraCerts = credential.kind === 'secret' ? [] : [credential.certificate.der];
    const part = protectedPart(headerDer, body);
    const certificates = extraCerts.length === 0 ? Buffer.alloc(0) : encode(der.explicit(1, der.sequence(...extraCerts)));
    const sender = { header: headerDer, extraCerts: certificates, protect: (content: Buffer) => protector.protect(content) };
    return finished(random.oneIn(10) ? mutate(seedOf('part', part), random, donors) : part, sender);
  };
  const byPassphrase = (random: Random): Buffer => {
    const lost = random.pick(holders);
    const body = random.oneIn(8) ? request(random) : revocation(random.oneIn(3) ? random.pick(holders) : lost);
    return written(secretOf(passphraseName(lost), random.oneIn(6) ? random.bytes(32) : passphraseKey), body, random);
  };
  const withPassphrase = (random: Random): Buffer => {
    const sender = random.pick(senders);
    const item = leaving(sender.certificate === undefined ? `lost-${random.below(9)}` : passphraseName(sender.certificate));
    const value = item.infoValue !== undefined && random.oneIn(4) ? mutate(seedOf('infoValue', item.infoValue), random, donors) : item.infoValue;
    const left = { ...item, ...(value && { infoValue: value }) };
    if (random.oneIn(3)) return written(sender, request(random), random, { generalInfo: [left] });
    return written(sender, encode(encodePkiBody({ type: 'genm', items: [left] })), random);
  };
  return (random) => {
    if (random.oneIn(5)) return byPassphrase(random);
    if (random.oneIn(4)) return withPassphrase(random);
    return written(random.pick(random.oneIn(2) ? senders.slice(0, 1) : senders), request(random), random);
  };
}
