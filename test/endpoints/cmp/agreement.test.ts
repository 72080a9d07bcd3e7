import { createHash, createHmac, diffieHellman, randomBytes } from 'node:crypto';
import t from 'tap';
import { buildCertConf, buildMessage, type CmpTransaction } from '../../../src/device-client/cmp-messages.js';
import { keyUsageExtension, parseCertificate, subjectKeyIdentifierOf } from '../../../src/pkix/index.js';
import {
  certHash,
  type DhMacParameters,
  dhMac,
  dhMacAlgorithm,
  dhMacKey,
  dhMacProtector,
  encodeAgreeMac,
  type PkiBody,
  readDhMacParameters,
  verifyDhMac,
} from '../../../src/protocol/cmp/index.js';
import { der, encode, oids } from '../../../src/protocol/der/index.js';
import type { LoadedEncryptionKey } from '../../../src/tenancy/encryption-key.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { ask, askBody, certReqMsg } from './asking.js';
import { newAgreementKey } from './encryption-keys.js';
import { asGeneralName, begin, certificateOf, gist, nonce } from './requests.js';
import { type Key, newDevice, newKey, openStage, type Stage } from './stage.js';

const agreeing = keyUsageExtension(['keyAgreement']);
const sha256: DhMacParameters = { owf: 'sha256', mac: 'sha256' };
type Device = ReturnType<typeof newDevice>;

const open = (cmp: object = { dhBasedMac: true, possession: { agreeMac: true } }): Stage =>
  openStage({
    profile: { policy: policySchema.parse({ cmp }) },
    encryptionKeys: (issuing, chain) => [newAgreementKey(issuing, chain), newAgreementKey(issuing, chain, 'retiring')],
  });

const newAgreeingDevice = (stage: Stage, key = newKey(), usage = agreeing): Device => newDevice('device-77', stage.issuing, key, usage);

function raKeyOf({ endpoint }: Stage, at = 0): LoadedEncryptionKey {
  const key = endpoint.encryptionKeys?.[at];
  if (key === undefined) throw new Error('no key');
  return key;
}

interface Protection {
  readonly parameters?: DhMacParameters;
  readonly ra?: LoadedEncryptionKey;
  /** Without recipKID. */
  readonly isUnaddressed?: boolean;
  readonly transactionID?: Buffer;
}

/** A transaction under a key agreed between device and RA. */
async function byAgreement(stage: Stage, device: Device, how: Protection = {}): Promise<CmpTransaction> {
  const { parameters = sha256, ra = raKeyOf(stage), isUnaddressed = false, transactionID = randomBytes(16) } = how;
  const key = dhMacKey(device.key.privateKey, ra.certificate.publicKey, parameters) ?? randomBytes(32);
  const recipKID = subjectKeyIdentifierOf(ra.certificate.extensions) as Buffer;
  const kids = { senderKID: device.certificate.publicKey.keyIdentifier, ...(!isUnaddressed && { recipKID }) };
  return { ...(await begin(certificateOf(device), transactionID)), protector: dhMacProtector(key, parameters, kids) };
}

const ir = (key = newKey()): PkiBody => ({ type: 'ir', messages: [certReqMsg(key)] });
const kur = (): PkiBody => ({ type: 'kur', messages: [certReqMsg(newKey())] });
const first = (transaction: CmpTransaction, body: PkiBody = ir()) => buildMessage(transaction, { senderNonce: nonce() }, body);

const publicKeyObject = (key: Key) => {
  const object = key.signer.publicKey.keyObject();
  if (!object.ok) throw new Error(object.error);
  return object.value;
};

t.test('CMP-080 BASEKEY = OWF(ECDH), and all of it is the key of the HMAC', async (t) => {
  const [device, ra] = [newKey(), newKey()];
  const secret = diffieHellman({ privateKey: device.privateKey, publicKey: publicKeyObject(ra) });
  const expected = createHash('sha384').update(secret).digest();
  t.same(dhMacKey(device.privateKey, ra.signer.publicKey, { owf: 'sha384', mac: 'sha256' }), expected);
  t.same(dhMacKey(ra.privateKey, device.signer.publicKey, { owf: 'sha384', mac: 'sha256' }), expected, 'the same from the other side');
  t.same(dhMac(expected, { owf: 'sha384', mac: 'sha512' }, Buffer.from('part')), createHmac('sha512', expected).update('part').digest());
  t.equal(dhMacKey(device.privateKey, newKey('P-384').signer.publicKey, sha256), undefined, 'another curve');
  t.equal(dhMacKey(device.privateKey, newKey('RSA').signer.publicKey, sha256), undefined, 'another kind of key');
  const written = dhMacAlgorithm({ owf: 'sha384', mac: 'sha512' });
  t.equal(written.oid, '1.2.840.113533.7.66.30');
  t.same(readDhMacParameters(written), { ok: true, value: { owf: 'sha384', mac: 'sha512' } });
  const raw = (owf: string, mac: string) =>
    readDhMacParameters({ oid: oids.dhBasedMac, parameters: encode(der.sequence(der.sequence(der.oid(owf)), der.sequence(der.oid(mac)))) });
  t.match(raw(oids.sha1, oids.hmacSha256), { error: /^owf / });
  t.match(raw(oids.sha256, oids.hmacSha1), { error: /^mac / });
  t.equal(readDhMacParameters({ oid: oids.dhBasedMac }).ok, false);
});

t.test('CMP-080 a device whose key only agrees is served under DHBasedMac, and answered under it', async (t) => {
  for (const parameters of [sha256, { owf: 'sha512', mac: 'sha384' }] as const) {
    for (const body of [ir(), kur()]) {
      const stage = open();
      const device = newAgreeingDevice(stage);
      const transaction = await byAgreement(stage, device, { parameters });
      const reply = await ask(stage, first(transaction, body));
      t.equal(gist(reply), body.type === 'kur' ? 'kup accepted' : 'ip accepted');
      const ra = raKeyOf(stage);
      const key = dhMacKey(device.key.privateKey, ra.certificate.publicKey, parameters) as Buffer;
      t.ok(verifyDhMac(reply.message, key, parameters), 'by the same key');
      t.same(readDhMacParameters(reply.message.header.protectionAlg ?? { oid: '' }), { ok: true, value: parameters }, 'under the same parameters');
      t.same(reply.message.header.senderKID, subjectKeyIdentifierOf(ra.certificate.extensions));
      t.same(reply.message.header.sender.der, asGeneralName(ra.certificate.subject).der, 'CMP-035 the sender is who has the key');
      t.same(reply.message.extraCerts[0], ra.certificate.der);
      t.same(stage.core.requests[0]?.evidence.signer?.certificate.der, device.certificate.der, 'the core judges the certificate as any other');
      const hash = certHash(parsed(stage.core.issuedLast()));
      if (!hash.ok) throw new Error('no hash');
      const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce ?? nonce() };
      const confirmed = await ask(stage, buildCertConf(transaction, nonces, { certReqId: 0, certHash: hash.value }));
      t.equal(gist(confirmed), 'pkiconf');
      t.ok(verifyDhMac(confirmed.message, key, parameters));
    }
  }
});

function parsed(bytes: Buffer) {
  const certificate = parseCertificate(bytes);
  if (!certificate.ok) throw certificate.error;
  return certificate.value;
}

t.test('CMP-080 recipKID names the key; a retiring one serves on; one that is not ours is not guessed', async (t) => {
  const stage = open();
  const device = newAgreeingDevice(stage);
  const retiring = raKeyOf(stage, 1);
  t.equal(gist(await ask(stage, first(await byAgreement(stage, device, { ra: retiring })))), 'ip accepted');
  t.equal(gist(await ask(stage, first(await byAgreement(stage, device, { ra: retiring, isUnaddressed: true })))), 'ip accepted');
  const foreign = newAgreementKey(stage.issuing, stage.endpoint.caChain);
  t.equal(gist(await ask(stage, first(await byAgreement(stage, device, { ra: foreign })))), 'error rejection badMessageCheck');
});

t.test('CMP-080 CMP-209 what DHBasedMac refuses', async (t) => {
  const badCheck = 'error rejection badMessageCheck';
  const stage = open();
  const device = newAgreeingDevice(stage);
  const off = open({});
  t.equal(gist(await ask(off, first(await byAgreement(off, newAgreeingDevice(off))))), 'error rejection badAlg', 'off by default');
  const signing = newDevice('device-77', stage.issuing);
  t.equal(gist(await ask(stage, first(await byAgreement(stage, signing)))), 'error rejection badAlg', 'a certificate that only signs');
  const other = newKey('P-384');
  t.equal(gist(await ask(stage, first(await byAgreement(stage, newAgreeingDevice(stage, other))))), badCheck, 'a key of another curve');
  const stolen = await byAgreement(stage, { ...device, key: newKey() });
  t.equal(gist(await ask(stage, first(stolen))), badCheck, 'a certificate without its key');
  const renamed = { ...(await byAgreement(stage, device)), credential: certificateOf(newDevice('device-78', stage.issuing, device.key, agreeing)) };
  t.equal(gist(await ask(stage, first(renamed))), 'ip accepted', 'another certificate of the same key is another name, for the core to judge');
  const weak = encode(der.sequence(der.sequence(der.oid(oids.sha1)), der.sequence(der.oid(oids.hmacSha256))));
  const usual = await byAgreement(stage, device);
  const weakened = {
    ...usual,
    protector: { ...usual.protector, header: { ...usual.protector.header, protectionAlg: { oid: oids.dhBasedMac, parameters: weak } } },
  };
  t.equal(gist(await ask(stage, first(weakened))), 'error rejection badAlg', 'SHA-1');
  const bytes = first(usual);
  t.equal(
    gist(
      await ask(stage, Buffer.from(bytes.toString('hex').replace(Buffer.from('device-77').toString('hex'), Buffer.from('device-78').toString('hex')), 'hex')),
    ),
    badCheck,
    'changed on the way',
  );
});

t.test('CMP-080 CMP-059 a transaction begun under DHBasedMac is not continued by a signature of the same key, nor the other way', async (t) => {
  const stage = open();
  const device = newAgreeingDevice(stage, newKey(), keyUsageExtension(['digitalSignature', 'keyAgreement']));
  const bySignature = async (transactionID: Buffer) => ({ ...(await begin(certificateOf(device), transactionID)) });
  for (const [begunBy, continuedBy] of [
    ['agreement', 'signature'],
    ['signature', 'agreement'],
  ]) {
    const id = randomBytes(16);
    const agreed = await byAgreement(stage, device, { transactionID: id });
    const signed = await bySignature(id);
    const begun = await ask(stage, first(begunBy === 'agreement' ? agreed : signed));
    t.equal(gist(begun), 'ip accepted');
    const hash = certHash(parsed(stage.core.issuedLast()));
    if (!hash.ok) throw new Error('no hash');
    const nonces = { senderNonce: nonce(), recipNonce: begun.message.header.senderNonce ?? nonce() };
    const status = { certReqId: 0, certHash: hash.value };
    t.equal(gist(await ask(stage, buildCertConf(continuedBy === 'agreement' ? agreed : signed, nonces, status))), 'error rejection badMessageCheck');
    t.equal(gist(await ask(stage, buildCertConf(begunBy === 'agreement' ? agreed : signed, nonces, status))), 'pkiconf', 'and is not disturbed by it');
  }
});

t.test('CMP-080 an answer of ours is no message of the device, though it stands under the same key', async (t) => {
  const stage = open();
  const device = newAgreeingDevice(stage);
  const reply = await ask(stage, first(await byAgreement(stage, device)));
  const { headerDer, bodyDer, protection } = reply.message;
  const reflected = encode(
    der.sequence(headerDer, bodyDer, der.explicit(0, der.bitString(protection ?? Buffer.alloc(0))), der.explicit(1, der.sequence(device.certificate.der))),
  );
  t.match(gist(await ask(stage, reflected)), /^error rejection (badMessageCheck|badRecipientNonce)$/);
});

const agreeMacRequest = (
  stage: Stage,
  key: Key,
  how: { ra?: LoadedEncryptionKey; flip?: boolean; algorithm?: string; kind?: 'keyAgreement' | 'keyEncipherment'; template?: object } = {},
): PkiBody => {
  const { ra = raKeyOf(stage), flip = false, algorithm = oids.dhBasedMac, kind = 'keyAgreement', template = {} } = how;
  const bare = certReqMsg(key, { popo: null, template });
  const value = dhMac(dhMacKey(key.privateKey, ra.certificate.publicKey, sha256) ?? randomBytes(32), sha256, bare.certReq.der);
  if (flip) value[0] = (value[0] ?? 0) ^ 1;
  const algId = { ...dhMacAlgorithm(sha256), oid: algorithm };
  return { type: 'ir', messages: [{ ...bare, popo: { kind, privKey: encode(encodeAgreeMac({ algId, value })) } }] };
};

t.test('CMP-110 agreeMAC: a key that only agrees proves itself by a MAC over certReq', async (t) => {
  const stage = open();
  const key = newKey();
  const granted = await askBody(stage, agreeMacRequest(stage, key), { pvno: 3 });
  t.equal(gist(granted), 'ip accepted');
  t.same(stage.core.requests[0]?.wanted.publicKey.spki, key.signer.publicKey.spki);
  t.equal(gist(await askBody(stage, agreeMacRequest(stage, newKey(), { ra: raKeyOf(stage, 1) }), { pvno: 3 })), 'ip accepted', 'by a retiring key of the RA');
});

t.test('CMP-110 CMP-025 what agreeMAC refuses', async (t) => {
  const stage = open();
  const rows: readonly (readonly [row: string, body: PkiBody, expected: string, pvno?: number])[] = [
    ['a wrong MAC', agreeMacRequest(stage, newKey(), { flip: true }), 'ip rejection badPOP'],
    ['a MAC with a key of somebody else', agreeMacRequest(stage, newKey(), { ra: newAgreementKey(stage.issuing, []) }), 'ip rejection badPOP'],
    ['a key of another curve', agreeMacRequest(stage, newKey('P-384')), 'ip rejection badPOP'],
    ['as keyEncipherment', agreeMacRequest(stage, newKey(), { kind: 'keyEncipherment' }), 'ip rejection badPOP'],
    ['by another algorithm', agreeMacRequest(stage, newKey(), { algorithm: oids.passwordBasedMac }), 'ip rejection badPOP'],
    ['without a subject, which the MAC must cover', agreeMacRequest(stage, newKey(), { template: { subject: undefined } }), 'ip rejection badPOP'],
    ['under pvno 2', agreeMacRequest(stage, newKey()), 'ip rejection badRequest', 2],
  ];
  for (const [row, body, expected, pvno = 3] of rows) t.equal(gist(await askBody(stage, body, { pvno })), expected, row);
  const swapped = agreeMacRequest(stage, newKey());
  const other = agreeMacRequest(stage, newKey());
  if (swapped.type !== 'ir' || other.type !== 'ir') throw new Error('no ir');
  const mixed: PkiBody = { type: 'ir', messages: [{ ...certReqMsg(newKey()), ...(other.messages[0]?.popo && { popo: other.messages[0].popo }) }] };
  t.equal(gist(await askBody(stage, mixed, { pvno: 3 })), 'ip rejection badPOP', 'the proof of another request');
  t.equal(stage.core.requests.length, 0);
  const off = open({ dhBasedMac: true });
  t.equal(gist(await askBody(off, agreeMacRequest(off, newKey()), { pvno: 3 })), 'ip rejection badPOP', 'off by default');
  const without = openStage({ profile: { policy: policySchema.parse({ cmp: { possession: { agreeMac: true } } }) } });
  t.equal(gist(await askBody(without, agreeMacRequest(stage, newKey()), { pvno: 3 })), 'ip rejection badPOP', 'while the RA has no such key yet');
});

t.test('CMP-160 CMP-080 caProtEncCert shows the encryption certificate in use, and extraCerts its chain', async (t) => {
  const stage = open({ encryptionKeys: ['P-256'] });
  const reply = await askBody(stage, { type: 'genm', items: [{ infoType: oids.caProtEncCert }] });
  const [item] = reply.body.type === 'genp' ? reply.body.items : [];
  t.same(item?.infoValue, raKeyOf(stage).certificate.der);
  t.same(reply.message.extraCerts, [raKeyOf(stage).certificate.der, stage.issuing.certificate.der]);
});
