import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import Fastify from 'fastify';
import t from 'tap';
import { buildCsr, generateRsaKey, selfSignedCertificate } from '../../../src/device-client/scep.js';
import { registerScep } from '../../../src/endpoints/scep/route.js';
import { contentInfo, encodeSignedData, issuerAndSerial } from '../../../src/protocol/cms/index.js';
import { der, type Element, encode, oids } from '../../../src/protocol/der/index.js';
import { messageTypes, readCertRep, requestAttributes, scepFaults } from '../../../src/protocol/scep/index.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { createLog } from '../../../src/runtime/log.js';
import type { EndpointDirectory } from '../../../src/tenancy/directory.js';
import { createWorld, issuingEnrolment, name } from './world.js';

const world = createWorld();
const { ra } = world;
const raPublicKey = createPublicKey(ra.privateKey);
const size = 256;
const device = generateRsaKey();
const subject = name('/CN=device-1');
const signer = { certificate: selfSignedCertificate(device, subject, new Date()), privateKey: device.privateKey };
const csr = buildCsr({ key: device, subject, challenge: 'open sesame' });
const contentKey = randomBytes(16);
const iv = randomBytes(16);

function encrypted(content: Buffer): Buffer {
  const cipher = createCipheriv('aes-128-cbc', contentKey, iv);
  return Buffer.concat([cipher.update(content), cipher.final()]);
}
/** Without the padding that the cipher would add. */
function encryptedAsIs(blocks: Buffer): Buffer {
  const cipher = createCipheriv('aes-128-cbc', contentKey, iv).setAutoPadding(false);
  return Buffer.concat([cipher.update(blocks), cipher.final()]);
}
const good = encrypted(csr);

/** An RSA block of 00 02 PS 00 key after some change, encrypted. */
function wrapped(change: (block: Buffer) => void, key: Buffer = contentKey): Buffer {
  const block = Buffer.concat([Buffer.of(0, 2), Buffer.alloc(size - 3 - key.length, 0x5a), Buffer.of(0), key]);
  change(block);
  return publicEncrypt({ key: raPublicKey, padding: constants.RSA_NO_PADDING }, block);
}
const right = wrapped(() => undefined);
const pkcs1 = der.sequence(der.oid(oids.rsaEncryption), der.nullValue());
const oaep = der.sequence(der.oid(oids.rsaesOaep), der.sequence());
const oaepWrap = (key: Buffer) => publicEncrypt({ key: raPublicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, key);

/** A request whose every octet outside the envelope is the same each time, its signature apart. */
function message(encryptedKey: Buffer, content: Buffer, transport: Element = pkcs1): Buffer {
  const info = der.sequence(der.integer(0), issuerAndSerial(ra.certificate), transport, der.octetString(encryptedKey));
  const encryptedContentInfo = der.sequence(der.oid(oids.data), der.sequence(der.oid(oids.aes128Cbc), der.octetString(iv)), der.implicitPrimitive(0, content));
  const envelope = encode(contentInfo(oids.envelopedData, der.sequence(der.integer(0), der.set(info), encryptedContentInfo)));
  const attributes = requestAttributes({ messageType: messageTypes.PKCSReq, transactionId: 'T-1', senderNonce: Buffer.alloc(16, 7) });
  return encodeSignedData({ content: envelope, digest: 'sha256', signer, attributes, certificates: [signer.certificate.der] });
}

const flipped = (bytes: Buffer, at: number, mask = 1): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] as number) ^ mask;
  return copy;
};
const random = randomBytes(csr.length);

const bad: Readonly<Record<string, Buffer>> = {
  'padding header: block type 1': message(
    wrapped((block) => block.fill(1, 1, 2)),
    good,
  ),
  'padding header: first octet not zero': message(
    wrapped((block) => block.fill(1, 0, 1)),
    good,
  ),
  'no zero separator': message(
    wrapped((block) => block.fill(9, size - 17, size - 16)),
    good,
  ),
  'padding string of no octets': message(
    wrapped((block) => block.fill(0, 2, 3)),
    good,
  ),
  'padding string of 7 octets': message(
    wrapped((block) => block.fill(0, 9, 10)),
    good,
  ),
  'zero within the padding string': message(
    wrapped((block) => block.fill(0, 100, 101)),
    good,
  ),
  'content key of 24 octets': message(
    wrapped(() => undefined, randomBytes(24)),
    good,
  ),
  'content key of 32 octets': message(
    wrapped(() => undefined, randomBytes(32)),
    good,
  ),
  'content key of no octets': message(
    wrapped(() => undefined, Buffer.alloc(0)),
    good,
  ),
  'another content key, well padded': message(
    wrapped(() => undefined, randomBytes(16)),
    good,
  ),
  'a random RSA block': message(randomBytes(size).fill(0, 0, 1), good),
  'an RSA block too short': message(right.subarray(1), good),
  'an RSA block too long': message(Buffer.concat([right, Buffer.of(0)]), good),
  'an RSA block above the modulus': message(Buffer.alloc(size, 0xff), good),
  'an RSA block of zeros': message(Buffer.alloc(size), good),
  'no RSA block': message(Buffer.alloc(0), good),
  'OAEP: a PKCS#1 block': message(right, good, oaep),
  'OAEP: a content key of another length': message(oaepWrap(randomBytes(32)), good, oaep),
  'OAEP: a flipped bit': message(flipped(oaepWrap(contentKey), 40), good, oaep),
  'content padding of zero': message(right, encryptedAsIs(Buffer.concat([csr, Buffer.alloc(16 - (csr.length % 16))]))),
  'content padding above the block': message(right, encryptedAsIs(Buffer.concat([csr, Buffer.alloc(16 - (csr.length % 16), 17)]))),
  'content padding of unlike octets': message(right, flipped(good, good.length - 18, 0x40)),
  'the first content block flipped': message(right, flipped(good, 3)),
  'a content block missing': message(right, good.subarray(0, good.length - 16)),
  'half a content block': message(right, good.subarray(0, good.length - 8)),
  'no content': message(right, Buffer.alloc(0)),
  'content that is no DER': message(right, encrypted(random)),
  'content that is empty': message(right, encrypted(Buffer.alloc(0))),
  'content that is no request': message(right, encrypted(encode(der.sequence(subject.der, subject.der)))),
  'a request with an octet behind it': message(right, encrypted(Buffer.concat([csr, Buffer.of(0)]))),
  'a request cut short': message(right, encrypted(csr.subarray(0, csr.length - 1))),
};

const withoutTime = ({ date: _date, ...headers }: Record<string, unknown>) => headers;

/** The answer with its nonce, and the signature over it, made the same. */
function masked(answer: Buffer): string {
  const read = readCertRep(answer, ra.certificate);
  if (!read.ok) throw new Error(read.error);
  const { senderNonce, signerInfo } = read.value;
  const copy = Buffer.from(answer);
  for (const varying of [senderNonce ?? Buffer.alloc(0), signerInfo.signature]) {
    const at = copy.indexOf(varying);
    copy.fill(0, at, at + varying.length);
  }
  return copy.toString('hex');
}

t.test('SCEP-085 SCEP-087 AB-09 every kind of bad envelope gets the same octets over HTTP, nonce and signature apart', async (t) => {
  const core = issuingEnrolment(world);
  const directory: EndpointDirectory = { scep: () => world.endpoint, cmp: () => undefined, defaultCmp: () => undefined, legacy: () => undefined };
  const app = Fastify();
  registerScep(app, { directory, enrolment: core, clock: systemClock, log: createLog('error') });
  t.teardown(() => app.close());
  const ask = (payload: Buffer) => app.inject({ method: 'POST', url: '/scep/demo?operation=PKIOperation', payload });

  const served = await ask(message(right, good));
  const success = readCertRep(served.rawPayload, ra.certificate);
  t.equal(success.ok && success.value.status, 'SUCCESS', 'the message is right where nothing is changed');

  const answers = new Map<string, string>();
  for (const [what, payload] of Object.entries(bad)) {
    const answer = await ask(payload);
    const read = readCertRep(answer.rawPayload, ra.certificate);
    t.match(read, { ok: true, value: { status: 'FAILURE', failInfo: 'badRequest', failInfoText: scepFaults.undecryptable.says } }, what);
    answers.set(what, JSON.stringify([answer.statusCode, withoutTime(answer.headers), masked(answer.rawPayload)]));
  }
  t.equal(new Set(answers.values()).size, 1, 'one answer for all of them');
  t.equal(core.requests.length, 1, 'none of them reached the core');
  t.same([...new Set(core.refusals.map(({ reason }) => reason))], ['undecryptable']);
});
