import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { buildMessage } from '../../../src/device-client/cmp-messages.js';
import { handleCmpMessage } from '../../../src/endpoints/cmp/index.js';
import { createSigner, keyUsageExtension, type PublicKey, parseCsr, parsePublicKey, postQuantumPair, publicKeyOf, signCsr } from '../../../src/pkix/index.js';
import {
  buildCertRequest,
  type CertReqMsg,
  dhMacProtector,
  encodePkiMessage,
  encodeSubsequentMessage,
  kemMac,
  kemMacAlgorithm,
  type PkiBody,
} from '../../../src/protocol/cmp/index.js';
import { der, encode, oids } from '../../../src/protocol/der/index.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { measure } from '../../support/loop-turns.js';
import { memoryDelayedAnswers } from '../../support/memory-delayed-answers.js';
import { smoothRsa } from '../../support/smooth-rsa.js';
import { certReqMsg } from './asking.js';
import { newAgreementKey, newServerKemKey } from './encryption-keys.js';
import { asGeneralName, begin, certificateOf, nonce } from './requests.js';
import { certify, type Key, named, newAuthority, newKey, openStage, type Stage } from './stage.js';

const unused = newKey().privateKey;
const agreeing = keyUsageExtension(['keyAgreement']);
const signing = keyUsageExtension(['digitalSignature']);
const encrypting = keyUsageExtension(['keyEncipherment']);
const foreign = newAuthority('Nobody');

const keyOf = (privateKey: KeyObject): Key => ({ privateKey, signer: createSigner(privateKey, publicKeyOf(privateKey)) });
const holder = (publicKey: PublicKey, usage = signing) => certify(named('device-77'), publicKey, foreign.key.signer, foreign.certificate, [usage]);

function open(cmp: object, severalRequests = false): Stage {
  const all = { possession: { encryptedCertificate: true, challengeResponse: true, agreeMac: true }, ...cmp, severalRequests };
  const policy = policySchema.parse({ keys: { postQuantum: true, rsaMaxBits: 8192 }, cmp: all });
  const states = ['active', 'retiring', 'retiring', 'retiring'] as const;
  const encryptionKeys: NonNullable<Parameters<typeof openStage>[0]>['encryptionKeys'] = (issuing, chain) => [
    ...states.map((state) => newAgreementKey(issuing, chain, state)),
    ...states.map((state) => newServerKemKey(issuing, chain, state)),
  ];
  return openStage({ profile: { policy }, encryptionKeys });
}

/** With somewhere to keep what waits for the answer to a challenge. */
function handling({ endpoint, deps }: Stage) {
  const whole = { ...deps, delaying: { store: memoryDelayedAnswers(systemClock), patienceMs: 1_000 } };
  return (bytes: Buffer) => handleCmpMessage(endpoint, bytes, { clientIp: '192.0.2.1' }, whole);
}

function newKemKey(oid: string): PublicKey {
  const key = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oid)), der.bitString(postQuantumPair(oid, randomBytes(64)).publicKey))));
  if (!key.ok) throw key.error;
  return key.value;
}

/** Of a key that only decrypts: no proof is asked of it before its certificate has been made and encrypted. */
function unproven(publicKey: PublicKey, wish: 'encrCert' | 'challengeResp', certReqId = 0): CertReqMsg {
  const certReq = buildCertRequest({ certReqId, certTemplate: { subject: named(`device-${certReqId}`), publicKey: publicKey.spki } });
  return { certReq, popo: { kind: 'keyEncipherment', privKey: encode(encodeSubsequentMessage(wish)) } };
}

const send = async (body: PkiBody, credential?: Parameters<typeof begin>[0]) =>
  buildMessage(await begin(credential), { senderNonce: nonce() }, body, { pvno: 3 });

/** DHBasedMac that names none of four keys of the RA: each is tried. Keys of other curves than theirs agree on nothing. */
async function measureAgreement(): Promise<void> {
  const stage = open({ dhBasedMac: true });
  const parameters = { owf: 'sha512', mac: 'sha512' } as const;
  for (const curve of ['P-256', 'P-521'] as const) {
    const key = keyOf(generateKeyPairSync('ec', { namedCurve: curve }).privateKey);
    const device = { key, certificate: holder(key.signer.publicKey, agreeing) };
    const make = async () => {
      const protector = dhMacProtector(randomBytes(64), parameters, { senderKID: device.certificate.publicKey.keyIdentifier });
      return buildMessage({ ...(await begin(certificateOf(device))), protector }, { senderNonce: nonce() }, { type: 'ir', messages: [certReqMsg(newKey())] });
    };
    await measure(`DHBasedMac of ${curve}, four keys of the RA, wrong`, stage.handle, make);
  }
}

/** KemBasedMac, wrong: what is encapsulated for the key is computed anew for each message. RSA-KEM is no KEM we serve. */
async function measureEncapsulation(): Promise<void> {
  const stage = open({ kemBasedMac: true });
  const rsa = smoothRsa(8_192, unused).publicKey;
  const parameters = { len: 64, mac: 'sha512' } as const;
  for (const [name, publicKey] of [
    ...([oids.mlKem512, oids.mlKem768, oids.mlKem1024] as const).map((oid, at) => [`ML-KEM-${[512, 768, 1024][at]}`, newKemKey(oid)] as const),
    ['RSA-8192', rsa] as const,
  ]) {
    const device = { key: newKey(), certificate: holder(publicKey, encrypting) };
    const header = { protectionAlg: kemMacAlgorithm(parameters), senderKID: publicKey.keyIdentifier };
    const protector = { header, protect: (part: Buffer) => kemMac(randomBytes(64), parameters, part) };
    const make = async () =>
      buildMessage({ ...(await begin(certificateOf(device))), protector }, { senderNonce: nonce() }, { type: 'genm', items: [] }, { pvno: 3 });
    await measure(`KemBasedMac of ${name}, wrong`, stage.handle, make);
    const question = async () => {
      const sender = asGeneralName(device.certificate.subject);
      const asked = { pvno: 3, sender, recipient: asGeneralName(named('Stage RA')), transactionID: randomBytes(16), senderNonce: nonce() };
      return encodePkiMessage({ header: asked, body: { type: 'genm', items: [{ infoType: oids.kemCiphertextInfo }] }, extraCerts: [device.certificate.der] });
    };
    await measure(`a question for a cipher text by nobody, ${name}`, stage.handle, question);
  }
}

/** Encryption to the largest keys that are certified, by exponents of four octets; and twenty such requests in one message. */
async function measureEncryption(): Promise<void> {
  const rsa = smoothRsa(8_192, unused).publicKey;
  const [stage, several] = [open({}), open({}, true)];
  for (const [name, key] of [
    ['RSA-8192', rsa],
    ['ML-KEM-1024', newKemKey(oids.mlKem1024)],
  ] as const) {
    for (const wish of ['encrCert', 'challengeResp'] as const)
      await measure(`${wish} of ${name}`, handling(stage), () => send({ type: 'ir', messages: [unproven(key, wish)] }));
    const many = Array.from({ length: 20 }, (_, at) => unproven(key, 'encrCert', at));
    await measure(`twenty requests for encrCert of ${name}`, handling(several), () => send({ type: 'ir', messages: many }));
  }
}

/** The largest RSA keys there are, in protection and proof, PKCS#1 and PSS; and exponents beyond what is computed. */
async function measureRsa(): Promise<void> {
  const stage = open({});
  for (const bits of [8_192, 16_384]) {
    const key = smoothRsa(bits, unused);
    const device = { key, certificate: holder(key.publicKey) };
    const csr = csrOf(key);
    await measure(`RSA-${bits}, exponent of 32 bits: protection and proof`, stage.handle, () => send({ type: 'p10cr', csr }, certificateOf(device)));
    for (const saltLength of [64, 2_000]) {
      const pss = { ...device, key: { ...key, signer: { ...key.signer, algorithm: pssAlgorithm(saltLength) } } };
      await measure(`RSA-${bits}, PSS with a salt of ${saltLength}`, stage.handle, () => send({ type: 'p10cr', csr }, certificateOf(pss)));
    }
  }
  for (const [bits, exponentBits] of [
    [16_384, 2_048],
    [16_384, 16_383],
    [65_536, 17],
    [4_096, 2_048],
  ] as const) {
    const key = oddRsa(bits, exponentBits);
    const device = {
      key: { privateKey: unused, signer: { algorithm: pssAlgorithm(32), publicKey: key, sign: () => randomBytes(bits / 8) } },
      certificate: holder(key),
    };
    await measure(`RSA-${bits}, exponent of ${exponentBits} bits: protection`, stage.handle, () => send({ type: 'genm', items: [] }, certificateOf(device)));
    await measure(`RSA-${bits}, exponent of ${exponentBits} bits: encrCert`, handling(stage), () =>
      send({ type: 'ir', messages: [unproven(key, 'encrCert')] }),
    );
  }
}

function csrOf({ signer }: Pick<Key, 'signer'>) {
  const csr = parseCsr(signCsr({ subject: named('device-77'), extensions: [] }, signer));
  if (!csr.ok) throw csr.error;
  return csr.value;
}

function pssAlgorithm(saltLength: number) {
  const sha512 = der.sequence(der.oid(oids.sha512), der.nullValue());
  const mask = der.sequence(der.oid(oids.mgf1), sha512);
  const parameters = encode(der.sequence(der.explicit(0, sha512), der.explicit(1, mask), der.explicit(2, der.integer(saltLength))));
  return { oid: oids.rsassaPss, parameters };
}

/** Odd numbers of these sizes: nobody has a private key to them, and none is needed. */
function oddRsa(bits: number, exponentBits: number): PublicKey {
  const odd = (size: number): Buffer => {
    const octets = randomBytes(Math.ceil(size / 8));
    octets[0] = 1 << ((size - 1) % 8);
    octets[octets.length - 1] = (octets.at(-1) as number) | 1;
    return octets;
  };
  const rsaKey = encode(der.sequence(der.unsignedInteger(odd(bits)), der.unsignedInteger(odd(exponentBits))));
  const key = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oids.rsaEncryption), der.nullValue()), der.bitString(rsaKey))));
  if (!key.ok) throw key.error;
  return key.value;
}

/** ECDSA by a curve of the sender's own making (RFC 5480 section 2.1.1: specifiedCurve "MUST NOT be used"). */
async function measureCurves(): Promise<void> {
  const stage = open({});
  const field = randomBytes(2_000);
  const curve = der.sequence(der.octetString(field), der.octetString(field));
  const prime = der.sequence(der.oid('1.2.840.10045.1.1'), der.unsignedInteger(field));
  const specified = der.sequence(der.integer(1), prime, curve, der.octetString(field), der.unsignedInteger(field), der.integer(1));
  const bits = Buffer.concat([Buffer.of(4), randomBytes(1_000)]);
  const key = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oids.ecPublicKey), specified), der.bitString(bits))));
  if (!key.ok) throw key.error;
  const algorithm = { oid: oids.ecdsaWithSha512 };
  const device = { key: { privateKey: unused, signer: { algorithm, publicKey: key.value, sign: () => randomBytes(139) } }, certificate: holder(key.value) };
  await measure('ECDSA by a specified curve of 16,000 bits', stage.handle, () => send({ type: 'genm', items: [] }, certificateOf(device)));
}

/** The rows of costly keys and of keys that would be costly. */
export async function measureKeys(): Promise<void> {
  await measureAgreement();
  await measureEncapsulation();
  await measureEncryption();
  await measureRsa();
  await measureCurves();
}
