import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import t from 'tap';
import type { CmpCredential } from '../../../src/device-client/cmp-messages.js';
import { createSigner, type Digest, type PublicKey, publicKeyOf, type Signer } from '../../../src/pkix/index.js';
import {
  deriveMacKey,
  pbmac1Parameters,
  pbmParameters,
  protectionKindOf,
  readMacParameters,
  verifyMac,
  verifySigned,
} from '../../../src/protocol/cmp/index.js';
import { der, encode, oids } from '../../../src/protocol/der/index.js';
import type { CmpProfile } from '../../../src/tenancy/profile.js';
import { askBody, certReqMsg } from './asking.js';
import { certificateOf, gist, nonce, type ReadReply, secretOf } from './requests.js';
import { type Key, newDevice, newKey, openStage, reference, type Stage, secret } from './stage.js';

const wanted = newKey();
const ir = () => ({ type: 'ir' as const, messages: [certReqMsg(wanted)] });
/** A template that is refused once the protection has been verified. */
const badIr = () => ({ type: 'ir' as const, messages: [certReqMsg(wanted, { template: { version: 0 } })] });

function keyOf(privateKey: KeyObject, digest?: Digest): Key {
  return { privateKey, signer: createSigner(privateKey, publicKeyOf(privateKey), digest) };
}

function pssSigner(privateKey: KeyObject, publicKey: PublicKey, digest: 'sha256' | 'sha512'): Signer {
  const hashAlgorithm = der.sequence(der.oid(oids[digest]));
  const saltLength = digest === 'sha256' ? 32 : 64;
  const parameters = encode(
    der.sequence(der.explicit(0, hashAlgorithm), der.explicit(1, der.sequence(der.oid(oids.mgf1), hashAlgorithm)), der.explicit(2, der.integer(saltLength))),
  );
  const padding = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return { algorithm: { oid: oids.rsassaPss, parameters }, publicKey, sign: (data) => sign(digest, data, padding) };
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
const keys: Readonly<Record<string, Key>> = {
  sha256WithRSAEncryption: keyOf(rsa),
  sha224WithRSAEncryption: keyOf(rsa, 'sha224'),
  sha384WithRSAEncryption: keyOf(rsa, 'sha384'),
  sha512WithRSAEncryption: keyOf(rsa, 'sha512'),
  'RSASSA-PSS with SHA-256': { privateKey: rsa, signer: pssSigner(rsa, publicKeyOf(rsa), 'sha256') },
  'RSASSA-PSS with SHA-512': { privateKey: rsa, signer: pssSigner(rsa, publicKeyOf(rsa), 'sha512') },
  'ecdsa-with-SHA256': newKey('P-256'),
  'ecdsa-with-SHA224': keyOf(newKey('P-256').privateKey, 'sha224'),
  'ecdsa-with-SHA384': newKey('P-384'),
  'ecdsa-with-SHA512': keyOf(p521),
  Ed25519: newKey('Ed25519'),
  Ed448: keyOf(generateKeyPairSync('ed448').privateKey),
};

function deviceOf(stage: Stage, name: string): CmpCredential {
  const key = keys[name];
  if (key === undefined) throw new Error(`No key ${name}.`);
  return certificateOf(newDevice(name, stage.issuing, key));
}

const isSignedByRa = (stage: Stage, reply: ReadReply): boolean => {
  const [raKey] = stage.endpoint.raKeys;
  return raKey !== undefined && verifySigned(reply.message, raKey.certificate.publicKey).ok;
};

const kindOf = (reply: ReadReply) => reply.message.header.protectionAlg && protectionKindOf(reply.message.header.protectionAlg);

t.test('CMP-076 every signature algorithm of the table protects a message; answers and errors are signed too (CMP-060)', async (t) => {
  const stage = openStage();
  for (const name of Object.keys(keys)) {
    const good = await askBody(stage, ir(), {}, deviceOf(stage, name));
    t.equal(gist(good), 'ip accepted', name);
    t.ok(isSignedByRa(stage, good), `${name}: CMP-060 the answer is signed`);
    const bad = await askBody(stage, badIr(), {}, deviceOf(stage, name));
    t.equal(gist(bad), 'ip rejection badCertTemplate', name);
    t.ok(isSignedByRa(stage, bad), `${name}: CMP-060 the refusal is signed`);
  }
});

t.test('CMP-060 CMP-061 MAC and signature clients share an endpoint, and each gets answers and errors of its own kind', async (t) => {
  const stage = openStage();
  const device = deviceOf(stage, 'ecdsa-with-SHA256');
  for (const [credential, kind] of [
    [secretOf(), 'mac'],
    [device, 'signature'],
    [secretOf(), 'mac'],
  ] as const) {
    t.equal(kindOf(await askBody(stage, ir(), {}, credential)), kind, 'ip');
    t.equal(kindOf(await askBody(stage, badIr(), {}, credential)), kind, 'a rejection');
    t.equal(kindOf(await askBody(stage, { type: 'pkiconf' }, {}, credential)), kind, 'an error');
    t.equal(kindOf(await askBody(stage, ir(), { pvno: 1 }, credential)), kind, 'an error of the header');
  }
});

t.test('CMP-060 CMP-063 a message under AES-GMAC is answered under AES-GMAC, the same key and another nonce', async (t) => {
  const stage = openStage();
  for (const parameters of [
    pbmParameters({ salt: nonce(), owf: 'sha256', iterationCount: 500, mac: 'aes128-gmac' }),
    pbmac1Parameters({ salt: nonce(), iterationCount: 1_000, keyLength: 32, prf: 'sha256', mac: 'aes256-gmac' }),
  ]) {
    const credential: CmpCredential = { kind: 'secret', reference, secret, parameters };
    const reply = await askBody(stage, ir(), {}, credential);
    t.equal(gist(reply), 'ip accepted', parameters.mac);
    t.equal(stage.core.requests.at(-1)?.facts.digest, parameters.mac);
    const read = readMacParameters(reply.message.header.protectionAlg ?? { oid: '' }, stage.endpoint.profile.policy.cmp);
    if (!read.ok) throw new Error(read.error);
    t.match(read.value, { kind: parameters.kind, mac: parameters.mac, salt: parameters.salt });
    t.notSame(read.value.nonce, parameters.nonce);
    t.equal(verifyMac(reply.message, read.value, await deriveMacKey(parameters, secret)), true);
    t.equal(gist(await askBody(stage, ir(), {}, { ...credential, secret: Buffer.from('another secret') })), 'error rejection badMessageCheck');
  }
});

t.test('CMP-076 CMP-209 a profile lists the protections it accepts', async (t) => {
  const parameters = {
    pbm: pbmParameters({ salt: nonce(), owf: 'sha256', iterationCount: 500, mac: 'sha256' }),
    pbmac1: pbmac1Parameters({ salt: nonce(), iterationCount: 1_000, keyLength: 32, prf: 'sha256', mac: 'sha256' }),
  };
  const bySecret = (kind: 'pbm' | 'pbmac1'): CmpCredential => ({ kind: 'secret', reference, secret, parameters: parameters[kind] });
  const refused = 'error rejection badAlg';
  const rows: readonly (readonly [policy: Partial<CmpProfile['policy']['cmp']>, name: string, expected: string])[] = [
    [{ macs: ['pbmac1'] }, 'pbm', refused],
    [{ macs: ['pbmac1'] }, 'pbmac1', 'ip accepted'],
    [{ macs: ['pbm'] }, 'pbmac1', refused],
    [{ signatures: ['ecdsa'] }, 'ecdsa-with-SHA384', 'ip accepted'],
    [{ signatures: ['ecdsa'] }, 'sha256WithRSAEncryption', refused],
    [{ signatures: ['rsa'] }, 'RSASSA-PSS with SHA-256', refused],
    [{ signatures: ['rsa-pss'] }, 'RSASSA-PSS with SHA-256', 'ip accepted'],
    [{ signatures: ['rsa-pss'] }, 'sha256WithRSAEncryption', refused],
    [{ signatures: ['ed25519'] }, 'Ed448', refused],
    [{ signatures: ['ed448'] }, 'Ed448', 'ip accepted'],
    [{ signatureDigests: ['sha384'] }, 'ecdsa-with-SHA384', 'ip accepted'],
    [{ signatureDigests: ['sha384'] }, 'ecdsa-with-SHA256', refused],
    [{ signatureDigests: ['sha384'] }, 'RSASSA-PSS with SHA-256', refused],
    [{ signatureDigests: ['sha384'] }, 'Ed25519', 'ip accepted'],
  ];
  for (const [policy, name, expected] of rows) {
    const stage = openStage({ policy });
    const credential = name === 'pbm' || name === 'pbmac1' ? bySecret(name) : deviceOf(stage, name);
    const reply = await askBody(stage, ir(), {}, credential);
    t.equal(gist(reply), expected, `${JSON.stringify(policy)} ${name}`);
    if (expected === refused) t.ok(isSignedByRa(stage, reply), 'what is not accepted is not verified: the RA signs the error');
  }
});
