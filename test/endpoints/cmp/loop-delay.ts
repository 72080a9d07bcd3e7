import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { buildMessage, type CmpCredential } from '../../../src/device-client/cmp-messages.js';
import {
  basicConstraintsExtension,
  createMlDsaSigner,
  createSigner,
  extendedKeyUsageExtension,
  keyUsageExtension,
  parseCsr,
  parsePublicKey,
  postQuantumPair,
  postQuantumPublicKey,
  publicKeyOf,
  signCsr,
  toPem,
} from '../../../src/pkix/index.js';
import { deriveMacKey, type MacParameters, macProtector, type PkiBody, pbmac1Parameters, pbmParameters } from '../../../src/protocol/cmp/index.js';
import { der, oids } from '../../../src/protocol/der/index.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { measure as measureTurns } from '../../support/loop-turns.js';
import { certReqMsg } from './asking.js';
import { measureKeys } from './loop-rows-keys.js';
import { measureShapes } from './loop-rows-shapes.js';
import { begin, certificateOf, nonce } from './requests.js';
import { type Authority, certify, type Key, named, newKey, openStage, type Stage, secret } from './stage.js';

/** How long the worst legal messages hold the event loop: `node --import tsx test/endpoints/cmp/loop-delay.ts [part of a row's name]`. */

function mlDsaKey(): Key {
  const pair = postQuantumPair(oids.mlDsa87, randomBytes(32));
  const key = parsePublicKey(postQuantumPublicKey(oids.mlDsa87, pair.publicKey));
  if (!key.ok) throw key.error;
  return { privateKey: newKey().privateKey, signer: createMlDsaSigner(pair.secretKey, key.value) };
}

function authorityBelow(name: string, parent: Authority | undefined, key: Key): Authority {
  const more = [basicConstraintsExtension({ ca: true }), keyUsageExtension(['keyCertSign'])];
  return { key, certificate: certify(named(name), key.signer.publicKey, (parent?.key ?? key).signer, parent?.certificate, more) };
}

/** A device below so many CAs, all of them with ML-DSA-87 keys; the root is an anchor of the stage. */
function chained(length: number) {
  const root = authorityBelow('Root', undefined, mlDsaKey());
  const authorities: Authority[] = [root];
  for (let at = 1; at < length; at += 1) authorities.push(authorityBelow(`CA ${at}`, authorities[at - 1], mlDsaKey()));
  const key = mlDsaKey();
  const issuing = authorities.at(-1) as Authority;
  const certificate = certify(named('device-77'), key.signer.publicKey, issuing.key.signer, issuing.certificate, [keyUsageExtension(['digitalSignature'])]);
  const chain = authorities
    .slice(1)
    .reverse()
    .map((item) => item.certificate);
  return { root, credential: certificateOf({ key, certificate }, chain), key };
}

async function byMac(parameters: MacParameters, body: PkiBody): Promise<() => Promise<Buffer>> {
  const key = await deriveMacKey(parameters, secret);
  const usual = await begin();
  const protector = macProtector(parameters, key, Buffer.from('device-77'));
  return async () => buildMessage({ ...usual, transactionID: randomBytes(16), protector }, { senderNonce: nonce() }, body);
}

async function bySigner(credential: CmpCredential, body: PkiBody): Promise<() => Promise<Buffer>> {
  return async () => buildMessage(await begin(credential), { senderNonce: nonce() }, body);
}

const ir = (key: Key = newKey(), extra: Partial<Parameters<typeof certReqMsg>[1]> = {}): PkiBody => ({ type: 'ir', messages: [certReqMsg(key, extra)] });

const measure = (name: string, { handle }: Stage, make: () => Promise<Buffer>) => measureTurns(name, handle, make);
const salt = () => randomBytes(16);
const everything = policySchema.parse({ keys: { postQuantum: true }, cmp: { signatures: ['ecdsa', 'ml-dsa'], severalRequests: true } });
const open = (anchors: readonly Authority[] = []): Stage =>
  openStage({ profile: { policy: everything }, trustAnchors: anchors.map((item) => item.certificate) });

const idle = open();
const usual = pbmParameters({ salt: randomBytes(16), owf: 'sha256', iterationCount: 500, mac: 'sha256' });
for (const name of ['first', 'an ir under PBM of 500 iterations']) await measure(name, idle, await byMac(usual, ir()));
for (const owf of ['sha256', 'sha512'] as const) {
  const make = async () => (await byMac(pbmParameters({ salt: salt(), owf, iterationCount: 100_000, mac: 'sha512' }), ir()))();
  await measure(`PBM, 100,000 of ${owf}, each with a salt of its own`, idle, make);
}
await measure('PBMAC1, 100,000 of HMAC-SHA-512, each with its salt', idle, async () =>
  (await byMac(pbmac1Parameters({ salt: salt(), iterationCount: 100_000, keyLength: 64, prf: 'sha512', mac: 'sha512' }), ir()))(),
);
for (const length of [1, 4]) {
  const { root, credential, key } = chained(length);
  await measure(`ML-DSA-87: protection, proof and ${length} CA${length === 1 ? '' : 's'}`, open([root]), await bySigner(credential, ir(key)));
}
const many = chained(1);
const requests = Array.from({ length: 20 }, (_, certReqId) => certReqMsg(mlDsaKey(), { certReqId, template: { subject: named(`d-${certReqId}`) } }));
await measure('ML-DSA-87: twenty requests, each with its proof', open([many.root]), await bySigner(many.credential, { type: 'ir', messages: requests }));
const nodes = Array.from({ length: 6_000 }, (_, at) => ({ infoType: `1.2.3.${at}` }));
await measure('a genm of 19,000 nodes', idle, await byMac(usual, { type: 'genm', items: nodes }));
const megabyte = { infoType: '1.2.3.4', infoValue: der.octetString(Buffer.alloc(1_000_000)) };
await measure('a genm of 1 MiB', idle, await byMac(usual, { type: 'genm', items: [megabyte] }));

const p521 = (): Key => keyOf(generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey);
const keyOf = (privateKey: KeyObject): Key => ({ privateKey, signer: createSigner(privateKey, publicKeyOf(privateKey)) });
/** A device that says it is an RA, below one of twenty CAs of one name: each of the registered RAs might be above them. */
const slow = p521();
const claimed = authorityBelow('CA', undefined, newKey());
const usage = [keyUsageExtension(['digitalSignature']), extendedKeyUsageExtension([oids.cmcRA])];
const stranger = { key: slow, certificate: certify(named('device-77'), slow.signer.publicKey, slow.signer, claimed.certificate, usage) };
const pretenders = Array.from({ length: 19 }, () => authorityBelow('CA', undefined, p521()).certificate);
const registrationAuthorities = Array.from({ length: 5 }, (_, at) => ({
  certificate: toPem('CERTIFICATE', authorityBelow(`RA CA ${at}`, undefined, newKey()).certificate.der),
  rights: ['raVerified' as const],
}));
const guarded = openStage({ policy: policySchema.parse({ cmp: { registrationAuthorities } }).cmp });
await measure('P-521: twenty CAs of one name, five RAs registered', guarded, await bySigner(certificateOf(stranger, pretenders), ir(slow)));
const rsa = keyOf(generateKeyPairSync('rsa', { modulusLength: 4_096, publicExponent: 0xfffffffb }).privateKey);
const large = { key: rsa, certificate: certify(named('device-77'), rsa.signer.publicKey, claimed.key.signer, claimed.certificate, usage.slice(0, 1)) };
const csr = parseCsr(signCsr({ subject: named('device-77'), extensions: [] }, rsa.signer));
if (!csr.ok) throw csr.error;
await measure('RSA-4096, exponent of 32 bits: protection and proof', idle, await bySigner(certificateOf(large), { type: 'p10cr', csr: csr.value }));
await measureKeys();
await measureShapes();
process.exit(0);
