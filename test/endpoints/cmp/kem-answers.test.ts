import { randomBytes } from 'node:crypto';
import t from 'tap';
import { demandedKem, encapsulateFor } from '../../../src/device-client/cmp-kem.js';
import { buildCertConf, buildMessage, type CmpTransaction, type ServerEncapsulation } from '../../../src/device-client/cmp-messages.js';
import { isTrustworthy } from '../../../src/device-client/cmp-trust.js';
import { createCipherTextMemory } from '../../../src/endpoints/cmp/kem-answers.js';
import { parseCertificate } from '../../../src/pkix/index.js';
import { certHash, createMacKeys, kemCiphertextItem, type PkiBody } from '../../../src/protocol/cmp/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import type { LoadedEncryptionKey } from '../../../src/tenancy/encryption-key.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { ask, certReqMsg } from './asking.js';
import { newServerKemKey } from './encryption-keys.js';
import { begin, certificateOf, gist, nonce, type ReadReply, secretOf } from './requests.js';
import { newDevice, newKey, openStage, type Stage } from './stage.js';

const open = (kemAnswers: 'off' | 'offered' | 'demanded' = 'offered', withKey = true): Stage =>
  openStage({
    profile: { policy: policySchema.parse({ cmp: { kemAnswers } }) },
    ...(withKey && { encryptionKeys: (issuing, chain) => [newServerKemKey(issuing, chain), newServerKemKey(issuing, chain, 'retiring')] }),
  });

function kemKeyOf({ endpoint }: Stage, at = 0): LoadedEncryptionKey {
  const key = endpoint.encryptionKeys?.[at];
  if (key === undefined) throw new Error('no key');
  return key;
}

function encapsulated(key: LoadedEncryptionKey): ServerEncapsulation {
  const made = encapsulateFor(key.certificate);
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

const ir = (): PkiBody => ({ type: 'ir', messages: [certReqMsg(newKey())] });
const first = (transaction: CmpTransaction, body = ir()) => buildMessage(transaction, { senderNonce: nonce() }, body);
const newSignedTransaction = (stage: Stage, id?: Buffer) => begin(certificateOf(newDevice('device-77', stage.issuing)), id);

/** Whether an answer is proved by the KEM key of the RA, and by nothing else. */
function isProved(reply: ReadReply, { credential, encapsulation }: CmpTransaction): Promise<boolean> {
  return isTrustworthy({ credential, keys: createMacKeys(), anchors: [], ...(encapsulation && { encapsulation }) }, reply.message);
}

t.test('CMP-081 CMP-083 who encapsulates a secret for the KEM key of the RA is answered under it, for the whole transaction', async (t) => {
  for (const at of [0, 1]) {
    const stage = open();
    const key = kemKeyOf(stage, at);
    const transaction = { ...(await newSignedTransaction(stage)), encapsulation: encapsulated(key) };
    const reply = await ask(stage, first(transaction));
    t.equal(gist(reply), 'ip accepted');
    t.equal(reply.message.header.protectionAlg?.oid, oids.kemBasedMac);
    t.equal(await isProved(reply, transaction), true, at === 0 ? 'by the key in use' : 'by a retiring key, which recipKID names');
    t.same(reply.message.extraCerts[0], key.certificate.der);
    t.equal(await isProved(reply, { ...transaction, encapsulation: encapsulated(key) }), false, 'by no other secret');
    const issued = parseCertificate(stage.core.issuedLast());
    const hash = issued.ok ? certHash(issued.value) : undefined;
    if (!hash?.ok) throw new Error('no certificate');
    const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce ?? nonce() };
    const { encapsulation: _, ...withoutIt } = transaction;
    const confirmed = await ask(stage, buildCertConf(withoutIt, nonces, { certReqId: 0, certHash: hash.value }));
    t.equal(gist(confirmed), 'pkiconf');
    t.equal(await isProved(confirmed, transaction), true, 'also where a later message leaves the cipher text out');
  }
});

t.test('CMP-083 also rejections and errors stand under it; a shared secret may ask for it too', async (t) => {
  const stage = open();
  const transaction = { ...(await newSignedTransaction(stage)), encapsulation: encapsulated(kemKeyOf(stage)) };
  const rejected = await ask(stage, first(transaction, { type: 'ir', messages: [certReqMsg(newKey(), { popo: null })] }));
  t.equal(gist(rejected), 'ip rejection badPOP');
  t.equal(await isProved(rejected, transaction), true);
  const refused = await ask(stage, first(transaction, { type: 'krr', content: certReqMsg(newKey()).certReq.der }));
  t.equal(gist(refused), 'error rejection badRequest');
  t.equal(await isProved(refused, transaction), true);
  const bySecret = { ...(await begin(secretOf())), encapsulation: encapsulated(kemKeyOf(stage)) };
  const reply = await ask(stage, first(bySecret));
  t.equal(gist(reply), 'ip accepted');
  t.equal(await isProved(reply, bySecret), true);
});

t.test('CMP-083 a profile that demands it answers a request without cipher text by the one unprotected error, with the KEM certificate', async (t) => {
  const stage = open('demanded');
  const transaction = await newSignedTransaction(stage);
  const reply = await ask(stage, first(transaction));
  t.equal(gist(reply), 'error rejection wrongIntegrity');
  t.match(reply.message, { protection: undefined, header: { protectionAlg: undefined } });
  t.same(reply.message.extraCerts, [kemKeyOf(stage).certificate.der, stage.issuing.certificate.der], 'the one in use, with its chain');
  t.equal(stage.core.requests.length, 0, 'nothing was done');
  t.same(demandedKem(reply, [stage.root.certificate])?.der, kemKeyOf(stage).certificate.der);
  t.equal(demandedKem(reply, [open().root.certificate]), undefined, 'one below another root is not followed');
  const again = { ...transaction, encapsulation: encapsulated(kemKeyOf(stage)) };
  t.equal(gist(await ask(stage, first(again))), 'ip accepted');
  t.equal(gist(await ask(stage, first(await begin(secretOf())))), 'ip accepted', 'who shares a secret needs none');
  const waiting = open('demanded', false);
  t.equal(gist(await ask(waiting, first(await newSignedTransaction(waiting)))), 'error rejection systemUnavail', 'while the CA has not certified the key');
});

t.test('CMP-082 CMP-083 cipher texts that are refused', async (t) => {
  const stage = open();
  const badCheck = 'error rejection badMessageCheck';
  const encapsulation = encapsulated(kemKeyOf(stage));
  const asked = async (given: ServerEncapsulation, id = randomBytes(16)) =>
    gist(await ask(stage, first({ ...(await newSignedTransaction(stage, id)), encapsulation: given })));
  t.equal(await asked({ ...encapsulation, item: kemCiphertextItem(oids.mlKem512, randomBytes(768)) }), badCheck, 'for a key of another algorithm');
  t.equal(await asked({ ...encapsulation, item: kemCiphertextItem(oids.mlKem768, randomBytes(1087)) }), badCheck, 'of another length');
  t.equal(
    await asked({ ...encapsulation, item: { infoType: oids.kemCiphertextInfo, infoValue: Buffer.from('0500', 'hex') } }),
    'error rejection badDataFormat',
    'no KemCiphertextInfo',
  );
  t.equal(await asked(encapsulation), 'ip accepted');
  t.equal(await asked(encapsulation), badCheck, 'one that another transaction brought');
  const stolen = encapsulated(newServerKemKey(stage.issuing, []));
  const transaction = { ...(await newSignedTransaction(stage)), encapsulation: { ...stolen, recipKID: kemKeyOf(stage).certificate.publicKey.keyIdentifier } };
  t.equal(await isProved(await ask(stage, first(transaction)), transaction), false, 'one for another key gives a secret that nobody has');
});

t.test('CMP-083 off by default: a cipher text changes nothing', async (t) => {
  const stage = open('off');
  const transaction = { ...(await newSignedTransaction(stage)), encapsulation: encapsulated(kemKeyOf(stage)) };
  const reply = await ask(stage, first(transaction));
  t.equal(gist(reply), 'ip accepted');
  t.equal(reply.message.header.protectionAlg?.oid, oids.ecdsaWithSha256);
});

t.test('CMP-082 the memory of cipher texts is bounded, and forgets the oldest', (t) => {
  const memory = createCipherTextMemory(2);
  const [one, two, three] = [Buffer.of(1), Buffer.of(2), Buffer.of(3)];
  t.equal(memory.isFirstSeenIn('a', one), true);
  t.equal(memory.isFirstSeenIn('a', one), true, 'again in the same transaction');
  t.equal(memory.isFirstSeenIn('b', one), false);
  memory.isFirstSeenIn('c', two);
  memory.isFirstSeenIn('d', three);
  t.equal(memory.isFirstSeenIn('b', one), true);
  t.equal(memory.isFirstSeenIn('a', three), false);
  t.end();
});
