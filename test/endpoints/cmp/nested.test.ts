import { randomBytes } from 'node:crypto';
import t from 'tap';
import { buildRequest } from '../../../src/device-client/certificate-wish.js';
import { buildMessage, type CmpCredential, type CmpTransaction } from '../../../src/device-client/cmp-messages.js';
import type { CmpContext, CmpReply } from '../../../src/endpoints/cmp/index.js';
import { extendedKeyUsageExtension, keyUsageExtension, parseCertificate, toPem } from '../../../src/pkix/index.js';
import {
  buildCertRequest,
  certHash,
  encodeNestedContent,
  origPkiMessageItem,
  type PkiBody,
  type PkiHeader,
  readNestedContent,
} from '../../../src/protocol/cmp/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import { figuresHere } from '../../../src/runtime/metrics.js';
import type { RegistrationAuthorityRight } from '../../../src/tenancy/registration-authority.js';
import { begin, certificateOf, gist, nonce, type ReadReply, readReply, secretOf, wish } from './requests.js';
import { type Authority, certify, named, newAuthority, newDevice, newKey, openStage, type Stage } from './stage.js';

/** A stage whose profile knows one RA, and the credential of that RA. */
function openWithRa(rights: readonly RegistrationAuthorityRight[] = ['nest', 'enrol', 'raVerified'], policy = {}) {
  const pki = newAuthority('RA Root');
  const ra = newDevice('RA', pki);
  const pem = toPem('CERTIFICATE', ra.certificate.der);
  const stage = openStage({ policy: { registrationAuthorities: [{ certificate: pem, rights: [...rights] }], ...policy } });
  return { stage, pki, ra: certificateOf(ra) };
}

function bytesOf(reply: CmpReply): Buffer {
  if (reply.status !== 200) throw new Error(`HTTP ${reply.status}`);
  return reply.bytes;
}

const ask = async (stage: Stage, bytes: Buffer, context: Partial<CmpContext> = {}) => readReply(bytesOf(await stage.handle(bytes, context)));

interface Inside {
  readonly transaction: CmpTransaction;
  readonly senderNonce: Buffer;
  readonly bytes: Buffer;
}

async function request(credential: CmpCredential = secretOf(), transactionID?: Buffer): Promise<Inside> {
  const transaction = await begin(credential, transactionID);
  const senderNonce = nonce();
  return { transaction, senderNonce, bytes: buildRequest(transaction, { senderNonce }, wish()) };
}

/** Added protection: the RA repeats transactionID and nonce of what it forwards. */
async function forward(ra: CmpCredential, inside: Inside, header: Partial<PkiHeader> = {}): Promise<Buffer> {
  const outer = await begin(ra, inside.transaction.transactionID);
  return buildMessage(outer, { senderNonce: inside.senderNonce }, nested(inside.bytes), header);
}

const nested = (...messages: Buffer[]): PkiBody => ({ type: 'nested', content: encodeNestedContent(messages) });
const batch = async (ra: CmpCredential, ...messages: Buffer[]) => buildMessage(await begin(ra), { senderNonce: nonce() }, nested(...messages));

function repliesIn({ body }: ReadReply): readonly ReadReply[] {
  if (body.type !== 'nested') throw new Error(`a batch is answered by nested, not ${body.type}`);
  const messages = readNestedContent(body.content);
  if (!messages.ok) throw messages.error;
  return messages.value.map(readReply);
}

t.test('added protection', async (t) => {
  const { stage, ra } = openWithRa();

  t.test('CMP-177 CMP-178 one message under its own transactionID is answered as if it had come alone', async (t) => {
    const inside = await request();
    const reply = await ask(stage, await forward(ra, inside));
    t.equal(gist(reply), 'ip accepted');
    t.same(reply.message.header.transactionID, inside.transaction.transactionID);
    t.same(reply.message.header.recipNonce, inside.senderNonce);
    t.same(reply.message.header.senderKID?.toString(), 'device-77', 'under the protection of the device, not of the RA');
  });

  t.test('CMP-177 what follows may be forwarded too, with its nonces', async (t) => {
    const inside = await request();
    const ip = await ask(stage, await forward(ra, inside));
    const certificate = parseCertificate(certificateIn(ip) ?? Buffer.alloc(0));
    if (!certificate.ok) throw certificate.error;
    const hash = certHash(certificate.value);
    if (!hash.ok) throw new Error(hash.error);
    const nonces = { senderNonce: nonce(), recipNonce: ip.message.header.senderNonce as Buffer };
    const bytes = buildMessage(inside.transaction, nonces, { type: 'certConf', statuses: [{ certHash: hash.value, certReqId: 0 }] });
    const reply = await ask(stage, await forward(ra, { ...inside, bytes, senderNonce: nonces.senderNonce }, { recipNonce: nonces.recipNonce }));
    t.equal(gist(reply), 'pkiconf');
  });

  t.test('CMP-178 wrong nonce, transactionID, kind of protection', async (t) => {
    const inside = await request();
    t.equal(gist(await ask(stage, await forward(ra, inside, { senderNonce: nonce() }))), 'error rejection badSenderNonce');
    t.equal(gist(await ask(stage, await forward(ra, inside, { transactionID: randomBytes(16) }))), 'error rejection badRequest');
    t.equal(gist(await ask(stage, await forward(secretOf(), inside))), 'error rejection wrongIntegrity');
    t.equal(stage.core.requests.filter(({ transactionId }) => transactionId === inside.transaction.transactionID.toString('hex')).length, 0);
  });

  t.test('CMP-178 only an RA of the profile, and only with the right to', async (t) => {
    const device = certificateOf(newDevice('device-77', stage.issuing));
    t.equal(gist(await ask(stage, await forward(device, await request()))), 'error rejection notAuthorized');
    const other = openWithRa(['enrol', 'raVerified']);
    t.equal(gist(await ask(other.stage, await forward(other.ra, await request()))), 'error rejection notAuthorized');
    t.equal(gist(await ask(openStage(), await forward(ra, await request()))), 'error rejection notAuthorized', 'nor one of another profile');
  });

  t.test('CMP-179 the protection inside still counts, and raVerified of a device is worth nothing under an RA', async (t) => {
    t.equal(gist(await ask(stage, await forward(ra, await request(secretOf('device-77', Buffer.from('wrong')))))), 'error rejection badMessageCheck');
    const vouched = await raVerified(secretOf());
    t.equal(gist(await ask(stage, await forward(ra, vouched))), 'ip rejection notAuthorized');
  });

  t.test('CMP-180 pvno inside and outside are answered each for itself', async (t) => {
    const transaction = await begin();
    const senderNonce = nonce();
    const bytes = buildMessage(transaction, { senderNonce }, (await requestBody()).body, { pvno: 3 });
    t.equal((await ask(stage, await forward(ra, { transaction, senderNonce, bytes }, { pvno: 2 }))).message.header.pvno, 3);
    const reply = await ask(stage, await batch(ra, bytes), { label: 'nested' });
    t.equal(reply.message.header.pvno, 2);
    t.equal(repliesIn(reply)[0]?.message.header.pvno, 3);
  });

  t.test('CMP-010 a forwarded request goes to the path of its operation', async (t) => {
    t.equal(gist(await ask(stage, await forward(ra, await request()), { label: 'initialization' })), 'ip accepted');
    t.equal(gist(await ask(stage, await forward(ra, await request()), { label: 'keyupdate' })), 'error rejection badRequest');
  });
});

function certificateIn({ body }: ReadReply): Buffer | undefined {
  return 'content' in body && 'response' in body.content ? body.content.response[0]?.certifiedKeyPair?.certificate : undefined;
}

async function requestBody() {
  const inside = await request();
  return readReply(inside.bytes);
}

/** ir without proof of possession: the sender claims to have seen one. */
async function raVerified(credential: CmpCredential, header: Partial<PkiHeader> = {}, type: 'ir' | 'kur' = 'ir', key = newKey()): Promise<Inside> {
  const transaction = await begin(credential, header.transactionID);
  const senderNonce = nonce();
  const certReq = buildCertRequest({ certReqId: 0, certTemplate: { subject: named('device-77'), publicKey: key.signer.publicKey.spki } });
  const body: PkiBody = { type, messages: [{ certReq, popo: { kind: 'raVerified' } }] };
  return { transaction, senderNonce, bytes: buildMessage(transaction, { senderNonce }, body, header) };
}

t.test('CMP-220 what comes inside another message is told of by itself', async (t) => {
  const { stage, ra } = openWithRa();
  const counted = async (type: string) => {
    const figure = (await figuresHere()).find(({ name }) => name === 'gatehouse_requests_total');
    return (figure?.values ?? []).filter(({ labels }) => labels.type === type).reduce((sum, { value }) => sum + value, 0);
  };
  const app = stage.app();
  t.teardown(() => app.close());
  const post = (payload: Buffer) => app.inject({ method: 'POST', url: '/cmp/demo', headers: { 'content-type': 'application/pkixcmp' }, payload });
  const before = { ir: await counted('ir'), nested: await counted('nested') };
  t.equal((await post(await forward(ra, await request()))).statusCode, 200);
  t.same({ ir: await counted('ir'), nested: await counted('nested') }, { ir: before.ir + 1, nested: before.nested + 1 });
  t.equal((await post(await batch(ra, (await request()).bytes, (await request()).bytes))).statusCode, 200);
  t.same({ ir: await counted('ir'), nested: await counted('nested') }, { ir: before.ir + 3, nested: before.nested + 2 });
  const figure = (await figuresHere()).find(({ name }) => name === 'gatehouse_requests_total');
  t.notOk(figure?.values.some(({ labels }) => labels.status === 'unavailable'));
});

t.test('batches', async (t) => {
  const { stage, ra } = openWithRa();

  t.test('CMP-181 each message is answered by itself, in one message of ours', async (t) => {
    const good = await request();
    const bad = await request(secretOf('device-77', Buffer.from('wrong')));
    const unproven = await raVerified(secretOf());
    const outer = await begin(ra);
    const senderNonce = nonce();
    const bytes = buildMessage(outer, { senderNonce }, nested(good.bytes, bad.bytes, unproven.bytes));
    const reply = await ask(stage, bytes, { label: 'nested' });
    t.same(reply.message.header.transactionID, outer.transactionID);
    t.same(reply.message.header.recipNonce, senderNonce);
    t.ok(reply.message.extraCerts.length > 0, 'signed by us');
    const replies = repliesIn(reply);
    t.same(replies.map(gist), ['ip accepted', 'error rejection badMessageCheck', 'ip rejection notAuthorized']);
    t.same(
      replies.map(({ message }) => message.header.transactionID),
      [good, bad, unproven].map(({ transaction }) => transaction.transactionID),
    );
  });

  t.test('CMP-181 two messages of a batch under one transactionID: the second is refused', async (t) => {
    const first = await request();
    const second = await request(secretOf(), first.transaction.transactionID);
    const replies = repliesIn(await ask(stage, await batch(ra, first.bytes, second.bytes), { label: 'nested' }));
    t.same(replies.map(gist), ['ip accepted', 'error rejection transactionIdInUse']);
  });

  t.test('CMP-010 CMP-181 a batch of one is told by its path', async (t) => {
    const { bytes } = await request();
    t.same(repliesIn(await ask(stage, await batch(ra, bytes), { label: 'nested' })).map(gist), ['ip accepted']);
    t.equal(gist(await ask(stage, await batch(ra, (await request()).bytes))), 'error rejection badRequest');
  });

  t.test('CMP-183 a fault of the batch itself is one error', async (t) => {
    const { bytes } = await request();
    const broken = Buffer.from(await batch(ra, bytes, (await request()).bytes));
    const at = broken.indexOf(bytes);
    broken.writeUInt8(broken.readUInt8(at + bytes.length - 1) ^ 1, at + bytes.length - 1);
    t.equal(gist(await ask(stage, broken)), 'error rejection badMessageCheck');
    const empty = buildMessage(await begin(ra), { senderNonce: nonce() }, nested());
    t.equal(gist(await ask(stage, empty)), 'error rejection badRequest');
    const noMessage = buildMessage(await begin(ra), { senderNonce: nonce() }, nested(Buffer.from('3000', 'hex')));
    t.equal(gist(await ask(stage, noMessage)), 'error rejection badDataFormat');
  });

  t.test('CMP-184 two levels, a hundred messages, and no more', async (t) => {
    const inside = await request();
    const twice = await forward(ra, { ...inside, bytes: await forward(ra, inside) });
    t.equal(gist(await ask(stage, twice)), 'ip accepted', 'an RA behind an RA');
    t.equal(gist(await ask(stage, await forward(ra, { ...inside, bytes: twice }))), 'error rejection badRequest', 'three levels');
    let bomb = inside.bytes;
    for (let depth = 0; depth < 50; depth += 1) bomb = await forward(ra, { ...inside, bytes: bomb });
    t.equal(gist(await ask(stage, bomb)), 'error rejection badDataFormat', 'fifty levels are not opened at all');
    const before = stage.core.requests.length;
    const many = Array.from({ length: 101 }, () => inside.bytes);
    t.equal(gist(await ask(stage, await batch(ra, ...many))), 'error rejection badRequest', '101 messages');
    t.equal(stage.core.requests.length, before);
  });

  t.test('CMP-181 deliveries in a batch are all noted', async (t) => {
    const reply = await stage.handle(await batch(ra, (await request()).bytes, (await request()).bytes), { label: 'nested' });
    t.equal(reply.status === 200 && reply.delivered?.length, 2);
  });
});

t.test('replaced protection', async (t) => {
  t.test('CMP-108 CMP-187 raVerified counts from an RA with that right, and from nobody else', async (t) => {
    const { stage, ra, pki } = openWithRa();
    t.equal(gist(await ask(stage, (await raVerified(ra)).bytes)), 'ip accepted');
    const without = openWithRa(['enrol']);
    t.equal(gist(await ask(without.stage, (await raVerified(without.ra)).bytes)), 'ip rejection notAuthorized');
    t.equal(gist(await ask(stage, (await raVerified(certificateOf(newDevice('other', pki)))).bytes)), 'ip rejection notAuthorized', 'another of its CA');
    t.equal(gist(await ask(stage, (await raVerified(secretOf())).bytes)), 'ip rejection notAuthorized');
  });

  t.test('CMP-109 never in kur, whose protection must be that of the device', async (t) => {
    const { stage, ra } = openWithRa();
    t.equal(gist(await ask(stage, (await raVerified(ra, {}, 'kur')).bytes)), 'kup rejection notAuthorized');
  });

  t.test('CMP-077 an RA by its purpose: cmcRA below a CA that the profile names', async (t) => {
    const pki: Authority = newAuthority('RA CA');
    const pem = toPem('CERTIFICATE', pki.certificate.der);
    const stage = openStage({ policy: { registrationAuthorities: [{ certificate: pem, rights: ['raVerified', 'enrol'] }] } });
    const key = newKey();
    const usage = keyUsageExtension(['digitalSignature']);
    const certified = (more: Parameters<typeof certify>[4]) => ({
      key,
      certificate: certify(named('RA'), key.signer.publicKey, pki.key.signer, pki.certificate, more),
    });
    const withPurpose = certificateOf(certified([usage, extendedKeyUsageExtension([oids.cmcRA])]));
    t.equal(gist(await ask(stage, (await raVerified(withPurpose)).bytes)), 'ip accepted');
    t.equal(gist(await ask(stage, (await raVerified(certificateOf(certified([usage])))).bytes)), 'ip rejection notAuthorized');
    const stranger = newAuthority('RA CA');
    const foreign = certify(named('RA'), key.signer.publicKey, stranger.key.signer, stranger.certificate, [usage, extendedKeyUsageExtension([oids.cmcRA])]);
    t.equal(gist(await ask(stage, (await raVerified(certificateOf({ key, certificate: foreign }))).bytes)), 'ip rejection notAuthorized');
  });

  t.test('CMP-052 the original message that an RA shows is held against the rules for devices', async (t) => {
    const { stage, ra } = openWithRa();
    const key = newKey();
    const original = async (credential = secretOf()) => {
      const transaction = await begin(credential);
      return { transactionID: transaction.transactionID, bytes: buildRequest(transaction, { senderNonce: nonce() }, wish({}, key.signer)) };
    };
    const show = async (shown: readonly Buffer[], transactionID: Buffer, asked = key) =>
      gist(await ask(stage, (await raVerified(ra, { transactionID, generalInfo: [origPkiMessageItem(shown)] }, 'ir', asked)).bytes));
    const good = await original();
    t.equal(await show([good.bytes], good.transactionID), 'ip accepted');
    const forged = await original(secretOf('device-77', Buffer.from('wrong')));
    t.equal(await show([forged.bytes], forged.transactionID), 'error rejection badMessageCheck', 'its protection is broken');
    t.equal(await show([good.bytes], randomBytes(16)), 'error rejection badMessageCheck', 'of another transaction');
    const again = await original();
    t.equal(await show([again.bytes], again.transactionID, newKey()), 'error rejection badMessageCheck', 'for another key');
    t.equal(await show([again.bytes, again.bytes], again.transactionID), 'error rejection badDataFormat', 'two of them');
    t.equal(await show([Buffer.from('3000', 'hex')], again.transactionID), 'error rejection badDataFormat', 'no message');
  });
});
