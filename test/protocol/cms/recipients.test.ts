import { createPrivateKey, generateKeyPairSync, pbkdf2Sync, randomBytes } from 'node:crypto';
import t from 'tap';
import { extendedKeyUsageExtension, publicKeyOf, readAlgorithmIdentifier, toPem } from '../../../src/pkix/index.js';
import {
  asymmetricKeyPackage,
  contentInfo,
  decryptContent,
  envelop,
  keyAgreementRecipient,
  keyIdentifierOf,
  keyTransportRecipient,
  passwordKeyRecipient,
  readContentCipher,
  signKeyPackage,
  unwrapKeyAes,
} from '../../../src/protocol/cms/index.js';
import { Cursor, contextConstructed, contextPrimitive, der, encode, oids } from '../../../src/protocol/der/index.js';
import { certify, type Key, named, newAuthority, newDevice, newKey } from '../../endpoints/cmp/stage.js';
import { needs } from '../../support/clients.js';
import { openBench } from '../../support/openssl.js';

const content = Buffer.from('a key of the device');
const authority = newAuthority('CA');

const keyPem = (key: Key): string => key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

t.test('CMP-194 CMP-195 OpenSSL opens envelopes by key transport and by key agreement, the recipient named by its key', needs('openssl'), async (t) => {
  for (const type of ['RSA', 'P-256', 'P-384'] as const) {
    const bench = openBench();
    t.teardown(() => bench.remove());
    const device = newDevice('device', authority, newKey(type));
    const { publicKey } = device.certificate;
    const keyObject = publicKey.keyObject();
    if (!keyObject.ok) throw new Error(keyObject.error);
    const identifier = keyIdentifierOf(device.certificate);
    const recipient = type === 'RSA' ? keyTransportRecipient(keyObject.value, identifier) : keyAgreementRecipient(publicKey, keyObject.value, identifier);
    const enveloped = envelop(content, recipient);
    t.equal(new Cursor(encode(enveloped)).sequence().smallInteger(), 2, 'CMP-192 version 2');
    bench.write('key.pem', keyPem(device.key));
    bench.write('cert.pem', toPem('CERTIFICATE', device.certificate.der));
    bench.write('e.der', encode(contentInfo(oids.envelopedData, enveloped)));
    const opened = await bench.openssl('cms', '-decrypt', '-inform', 'DER', '-in', 'e.der', '-inkey', 'key.pem', '-recip', 'cert.pem', '-out', 'out');
    t.equal(opened.code, 0, `${type}: ${opened.output}`);
    t.equal(bench.read('out'), content.toString());
    const other = newDevice('other', authority, newKey(type));
    bench.write('key.pem', keyPem(other.key));
    const wrong = await bench.openssl('cms', '-decrypt', '-inform', 'DER', '-in', 'e.der', '-inkey', 'key.pem', '-out', 'wrong');
    t.ok(wrong.code !== 0 || bench.read('wrong') !== content.toString(), `${type}: another key`);
  }
});

t.test('CMP-196 a password recipient: PBKDF2 of its own salt, AES key wrap, version 0', async (t) => {
  const derivation = { salt: randomBytes(16), iterations: 10_000 };
  const secret = Buffer.from('correct horse battery staple');
  const kek = pbkdf2Sync(secret, derivation.salt, derivation.iterations, 32, 'sha256');
  const fields = new Cursor(encode(envelop(content, passwordKeyRecipient(kek, derivation)))).sequence();
  t.equal(fields.smallInteger(), 0);
  const info = fields.set().enter(contextConstructed(3));
  t.equal(info.smallInteger(), 0);
  const kdf = readAlgorithmIdentifier(info, contextConstructed(0));
  t.equal(kdf.oid, oids.pbkdf2);
  const parameters = new Cursor(kdf.parameters ?? Buffer.alloc(0)).sequence();
  t.same(parameters.octetString(), derivation.salt);
  t.equal(parameters.smallInteger(), 10_000);
  t.equal(parameters.smallInteger(), 32);
  t.equal(readAlgorithmIdentifier(parameters).oid, oids.hmacSha256);
  t.same(readAlgorithmIdentifier(info), { oid: oids.aes256Wrap });
  const wrapped = info.octetString();
  const contentKey = unwrapKeyAes('aes256', kek, wrapped);
  t.equal(unwrapKeyAes('aes256', randomBytes(32), wrapped), undefined, 'another secret');
  const encrypted = fields.sequence();
  t.equal(encrypted.oid(), oids.data);
  const choice = readContentCipher(readAlgorithmIdentifier(encrypted));
  t.ok(choice.ok && contentKey !== undefined && decryptContent(choice.value, contentKey, encrypted.content(contextPrimitive(0))).content.equals(content));
});

t.test('CMP-193 a key package: SignedData 3, one signer by key identifier, a key that OpenSSL takes', needs('openssl'), async (t) => {
  const signing = newKey();
  const purpose = extendedKeyUsageExtension([oids.cmKGA]);
  const certificate = certify(named('KGA'), signing.signer.publicKey, authority.key.signer, authority.certificate, [purpose]);
  for (const made of [
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ed25519'),
  ]) {
    const bench = openBench();
    t.teardown(() => bench.remove());
    const keyPackage = asymmetricKeyPackage(made.privateKey, publicKeyOf(made.publicKey));
    const signed = signKeyPackage(keyPackage, { signer: signing.signer, certificate, chain: [authority.certificate.der] });
    const fields = new Cursor(signed).sequence();
    t.equal(fields.smallInteger(), 3);
    bench.write('s.der', encode(contentInfo(oids.signedData, signed)));
    bench.write('ca.pem', toPem('CERTIFICATE', authority.certificate.der));
    const options = ['-verify', '-inform', 'DER', '-in', 's.der', '-CAfile', 'ca.pem', '-purpose', 'any', '-binary', '-out', 'package.der'];
    const verified = await bench.openssl('cms', ...options);
    t.equal(verified.code, 0, verified.output);
    const key = new Cursor(keyPackage).sequence().sequence();
    t.equal(key.smallInteger(), 1, 'OneAsymmetricKey v2');
    const [algorithm, octets] = [key.element(), key.element()];
    t.same(key.content(contextPrimitive(1)).subarray(1), publicKeyOf(made.publicKey).bits, 'with the public key');
    t.ok(key.isEmpty);
    // OpenSSL 3.0 reads the first version only, without the public key.
    const first = encode(der.sequence(der.integer(0), algorithm, octets));
    t.ok(createPrivateKey({ key: first, format: 'der', type: 'pkcs8' }).equals(made.privateKey));
    const broken = Buffer.from(signed);
    const at = signed.indexOf(keyPackage) + 20;
    broken[at] = (broken[at] ?? 0) ^ 1;
    bench.write('s.der', encode(contentInfo(oids.signedData, broken)));
    t.not((await bench.openssl('cms', ...options)).code, 0, 'a changed package');
  }
});
