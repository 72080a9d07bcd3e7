import { generateKeyPairSync, hash, randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { buildCertConf, buildMessage, type CmpTransaction } from '../../../src/device-client/cmp-messages.js';
import { type CmpContext, handleCmpMessage } from '../../../src/endpoints/cmp/index.js';
import type { DelayedAnswerStore } from '../../../src/enrolment/delayed-answers.js';
import type { Session } from '../../../src/enrolment/order.js';
import { createSigner, parseCertificate, publicKeyOf, readAlgorithmIdentifier } from '../../../src/pkix/index.js';
import {
  certHash,
  encodeDecryptionResponse,
  encodeSubsequentMessage,
  implicitConfirmItem,
  type PkiBody,
  type PkiHeader,
  type ProofOfPossession,
  regTokenControl,
} from '../../../src/protocol/cmp/index.js';
import { Cursor, contextConstructed, der, encode, oids } from '../../../src/protocol/der/index.js';
import { stoppedClock } from '../../../src/runtime/clock.js';
import { memoryDelayedAnswers } from '../../support/memory-delayed-answers.js';
import { bytesOf, certReqMsg } from './asking.js';
import { openKey } from './opened-key.js';
import { begin, certificateOf, gist, nonce, type ReadReply, readReply, secretOf } from './requests.js';
import { type Key, newDevice, newKey, openStage, type Stage, type StageOptions } from './stage.js';

const version3 = { pvno: 3 };
const serving = { possession: { encryptedCertificate: false, challengeResponse: true, agreeMac: false } };
const wish = (kind: 'keyEncipherment' | 'keyAgreement'): ProofOfPossession => ({ kind, privKey: encode(encodeSubsequentMessage('challengeResp')) });
const irFor = (key: Key, kind: 'keyEncipherment' | 'keyAgreement' = 'keyEncipherment'): PkiBody => ({
  type: 'ir',
  messages: [certReqMsg(key, { popo: wish(kind) })],
});

interface Place {
  readonly stage: Stage;
  readonly clock: ReturnType<typeof stoppedClock>;
  /** What was to be kept of requests that wait for their proof. */
  readonly kept: readonly Session[];
  ask(bytes: Buffer, context?: Partial<CmpContext>): Promise<ReadReply>;
}

function open(policy: StageOptions['policy'] = serving): Place {
  const stage = openStage({ policy });
  const clock = stoppedClock(new Date());
  const kept: Session[] = [];
  const delayed = memoryDelayedAnswers(clock);
  const announce: DelayedAnswerStore['announce'] = (context, key, requester, session) => {
    kept.push(session);
    return delayed.announce(context, key, requester, session);
  };
  const deps = { ...stage.deps, clock, delaying: { store: { ...delayed, announce }, patienceMs: 1_000 } };
  const ask = async (bytes: Buffer, context = {}) =>
    readReply(bytesOf(await handleCmpMessage(stage.endpoint, bytes, { clientIp: '192.0.2.1', ...context }, deps)));
  return { stage, clock, kept, ask };
}

/** What stands in the one Challenge of a popdecc. */
function challengeIn({ body }: ReadReply) {
  if (body.type !== 'popdecc') throw new Error(`${body.type} is no challenge`);
  const list = new Cursor(body.content).sequence();
  const fields = list.sequence();
  const owf = readAlgorithmIdentifier(fields).oid;
  const witness = fields.octetString();
  const challenge = fields.octetString();
  const encryptedRand = fields.enter(contextConstructed(0)).element();
  fields.end();
  list.end();
  return { owf, witness, challenge, encryptedRand };
}

function numberIn(t: Test, reply: ReadReply, key: Key): Buffer {
  const { owf, witness, challenge, encryptedRand } = challengeIn(reply);
  t.equal(owf, oids.sha256);
  t.equal(challenge.length, 0, 'nothing beside encryptedRand');
  const rand = new Cursor(openKey(der.retagged(contextConstructed(0), encryptedRand), key).content).sequence();
  const int = rand.integer();
  t.same(witness, hash('sha256', int, 'buffer'));
  t.same(rand.element(), reply.message.header.sender.der, 'who asks');
  return int;
}

function answer(transaction: CmpTransaction, asked: ReadReply, values: readonly Buffer[], header: Partial<PkiHeader> = {}): Buffer {
  const nonces = { senderNonce: nonce(), recipNonce: asked.message.header.senderNonce ?? nonce() };
  return buildMessage(transaction, nonces, { type: 'popdecr', content: encodeDecryptionResponse(values) }, { ...version3, ...header });
}

t.test('CMP-085 CMP-110 CMP-221 challengeResp: who decrypts our number has the key, and gets its certificate', async (t) => {
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const keys = [
    ['RSA', newKey('RSA'), 'keyEncipherment'],
    ['P-256', newKey(), 'keyAgreement'],
    ['P-384', { privateKey: p384, signer: createSigner(p384, publicKeyOf(p384)) }, 'keyAgreement'],
  ] as const;
  for (const [name, key, kind] of keys) {
    const { stage, ask } = open();
    const transaction = await begin();
    const request = buildMessage(transaction, { senderNonce: nonce() }, irFor(key, kind), version3);
    const asked = await ask(request);
    t.equal(gist(asked), 'popdecc', name);
    t.equal(stage.core.requests.length, 0, 'nothing is ordered yet');
    const int = numberIn(t, asked, key);
    const again = await ask(request);
    t.same(numberIn(t, again, key), int, 'CMP-201 the same number to a retransmission');
    t.same(again.message.header.senderNonce, asked.message.header.senderNonce);
    const response = answer(transaction, asked, [int]);
    const reply = await ask(response);
    t.equal(gist(reply), 'ip accepted');
    t.same(reply.message.header.recipNonce, readReply(response).message.header.senderNonce, 'CMP-042');
    const pair = 'content' in reply.body && 'response' in reply.body.content ? reply.body.content.response[0]?.certifiedKeyPair : undefined;
    const certificate = parseCertificate(pair?.certificate ?? Buffer.alloc(0));
    if (!certificate.ok) throw certificate.error;
    t.same(certificate.value.publicKey.spki, key.signer.publicKey.spki);
    t.equal(gist(await ask(response)), 'ip accepted', 'CMP-201 the answer over again');
    t.equal(gist(await ask(request)), 'ip accepted', 'and the request, whose challenge was answered');
    t.equal(stage.core.requests.length, 1, 'one order');
    const hashed = certHash(certificate.value);
    if (!hashed.ok) throw new Error(hashed.error);
    const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce ?? nonce() };
    t.equal(gist(await ask(buildCertConf(transaction, nonces, { certReqId: 0, certHash: hashed.value }))), 'pkiconf');
  }
});

t.test('CMP-110 the wish for implicit confirmation stands in the request, and is granted with the certificate', async (t) => {
  const { ask } = open();
  const [key, transaction] = [newKey('RSA'), await begin()];
  const asked = await ask(buildMessage(transaction, { senderNonce: nonce() }, irFor(key), { ...version3, generalInfo: [implicitConfirmItem] }));
  const reply = await ask(answer(transaction, asked, [numberIn(t, asked, key)]));
  t.ok(reply.message.header.generalInfo?.some(({ infoType }) => infoType === oids.implicitConfirm));
});

t.test('CMP-110 CMP-221 a token in a request that waits for its proof cannot be read where it is kept', async (t) => {
  const { ask, kept } = open();
  const [key, transaction] = [newKey('RSA'), await begin()];
  const messages = [certReqMsg(key, { popo: wish('keyEncipherment'), controls: [regTokenControl('TheTokenOfThisDevice')] })];
  const asked = await ask(buildMessage(transaction, { senderNonce: nonce() }, { type: 'ir', messages }, version3));
  const [session] = kept;
  t.ok(Buffer.from(String(session?.request), 'base64').length > 300, 'the request is kept');
  t.notMatch(Buffer.from(String(session?.request), 'base64').toString('latin1'), 'TheTokenOfThisDevice');
  t.equal(gist(await ask(answer(transaction, asked, [numberIn(t, asked, key)]))), 'ip accepted');
});

t.test('CMP-110 CMP-221 every number is our own and new; a wrong answer is badPOP and ends the transaction', async (t) => {
  const { stage, ask } = open();
  const key = newKey('RSA');
  const challenged = async (credential = secretOf()) => {
    const transaction = await begin(credential);
    return { transaction, asked: await ask(buildMessage(transaction, { senderNonce: nonce() }, irFor(key), version3)) };
  };
  const [one, two] = [await challenged(), await challenged()];
  const int = numberIn(t, one.asked, key);
  t.notSame(numberIn(t, two.asked, key), int, 'another transaction has another number');
  t.equal(gist(await ask(answer(two.transaction, two.asked, [int]))), 'ip rejection badPOP', 'the number of another transaction');
  t.equal(gist(await ask(answer(two.transaction, two.asked, [numberIn(t, two.asked, key)]))), 'error rejection badRequest', 'no second attempt');
  for (const values of [[], [int, int], [randomBytes(32)]]) {
    const { transaction, asked } = await challenged();
    t.equal(gist(await ask(answer(transaction, asked, values))), 'ip rejection badPOP', `${values.length} numbers`);
  }
  t.equal(stage.core.requests.length, 0);
  t.equal(gist(await ask(answer(one.transaction, one.asked, [int]))), 'ip accepted', 'the others are untouched');
});

t.test('CMP-059 CMP-202 an answer belongs to its credential, its nonces and its time', async (t) => {
  const { stage, clock, ask } = open();
  const [key, transaction] = [newKey('RSA'), await begin()];
  const asked = await ask(buildMessage(transaction, { senderNonce: nonce() }, irFor(key), version3));
  const int = numberIn(t, asked, key);
  const device = newDevice('device-77', stage.issuing);
  const stranger = await begin(certificateOf(device), transaction.transactionID);
  t.equal(gist(await ask(answer(stranger, asked, [int]))), 'error rejection badMessageCheck', 'another credential');
  const other = { ...asked, message: { ...asked.message, header: { ...asked.message.header, senderNonce: nonce() } } };
  t.equal(gist(await ask(answer(transaction, other, [int]))), 'error rejection badRecipientNonce');
  t.equal(gist(await ask(answer(await begin(), asked, [int]))), 'error rejection badRequest', 'another transaction');
  const same = await begin(undefined, transaction.transactionID);
  const replaced = buildMessage(same, { senderNonce: nonce() }, irFor(newKey('RSA')), version3);
  t.equal(gist(await ask(replaced)), 'error rejection transactionIdInUse', 'CMP-037 another request under its transactionID');
  clock.advance(600_001);
  t.equal(gist(await ask(answer(transaction, asked, [int]))), 'error rejection badRequest', 'too late');
  t.equal(stage.core.requests.length, 0);
});

t.test('CMP-025 CMP-085 CMP-110 challenges are off by default, for keys that decrypt, and for pvno 3', async (t) => {
  const refused = async ({ ask }: Place, body: PkiBody, header: Partial<PkiHeader> = version3) =>
    gist(await ask(buildMessage(await begin(), { senderNonce: nonce() }, body, header)));
  const [place, key] = [open(), newKey('RSA')];
  t.equal(await refused(open({}), irFor(key)), 'ip rejection badPOP', 'off by default');
  t.equal(await refused(place, irFor(key), { pvno: 2 }), 'ip rejection badRequest', 'a number under pvno 2');
  t.equal(await refused(place, irFor(newKey('Ed25519'), 'keyAgreement')), 'ip rejection badPOP', 'a key that only signs');
  t.equal(await refused(place, irFor(newKey())), 'ip rejection badPOP', 'key encipherment of an EC key');
  t.equal(await refused(place, { type: 'popdecr', content: encodeDecryptionResponse([randomBytes(8)]) }), 'error rejection badRequest', 'an answer to nothing');
  t.equal(await refused(place, { type: 'popdecr', content: Buffer.from('0500', 'hex') }), 'error rejection badRequest');
  const withoutStore = openStage({ policy: serving });
  const bytes = buildMessage(await begin(), { senderNonce: nonce() }, irFor(key), version3);
  t.equal(gist(readReply(bytesOf(await withoutStore.handle(bytes)))), 'ip rejection badPOP', 'where nothing can be kept');
});

t.test('CMP-053 a KemCiphertextInfo in generalInfo is well-formed and belongs to a named transaction', async (t) => {
  const value = encode(der.sequence(der.sequence(der.oid(oids.mlKem768)), der.octetString(randomBytes(1_088))));
  const item = { infoType: oids.kemCiphertextInfo, infoValue: value };
  const compat = open({ conduct: 'compat' });
  const ask = async (header: Partial<PkiHeader>) =>
    gist(await compat.ask(buildMessage(await begin(), { senderNonce: nonce() }, { type: 'ir', messages: [certReqMsg(newKey())] }, header)));
  const unnamed = { transactionID: undefined } as unknown as Partial<PkiHeader>;
  t.equal(await ask({ generalInfo: [item] }), 'ip accepted', 'we have no KEM key: the answer is protected as the request was');
  t.equal(await ask({ ...unnamed }), 'ip accepted', 'a compat profile names a transaction');
  t.equal(await ask({ ...unnamed, generalInfo: [item] }), 'error rejection badDataFormat', 'but not one that a cipher text belongs to');
  t.equal(await ask({ generalInfo: [{ infoType: oids.kemCiphertextInfo, infoValue: der.nullValue() }] }), 'error rejection badDataFormat');
  t.equal(await ask({ generalInfo: [{ infoType: oids.kemCiphertextInfo }] }), 'error rejection badDataFormat');
});
