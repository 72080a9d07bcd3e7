import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { buildMessage, type CmpCredential } from '../../../src/device-client/cmp-messages.js';
import { createSigner, keyUsageExtension, publicKeyOf, toPem } from '../../../src/pkix/index.js';
import {
  type CertReqMsg,
  deriveMacKey,
  encodeNestedContent,
  macProtector,
  type PkiBody,
  pbmac1Parameters,
  pbmParameters,
} from '../../../src/protocol/cmp/index.js';
import { der, encode, oids } from '../../../src/protocol/der/index.js';
import { measure } from '../../support/loop-turns.js';
import { smoothRsa } from '../../support/smooth-rsa.js';
import { certReqMsg } from './asking.js';
import { begin, certificateOf, nonce, readReply, secretOf } from './requests.js';
import { certify, type Key, named, newAuthority, newDevice, newKey, openStage, secret } from './stage.js';

const signing = keyUsageExtension(['digitalSignature']);
const nested = (...messages: readonly Buffer[]): PkiBody => ({ type: 'nested', content: encodeNestedContent(messages) });
const send = async (body: PkiBody, credential?: CmpCredential) => buildMessage(await begin(credential), { senderNonce: nonce() }, body);
const many = <T>(count: number, make: (at: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: count }, (_, at) => make(at)));

function openWithRa() {
  const ra = newDevice('RA', newAuthority('RA Root'));
  const certificate = toPem('CERTIFICATE', ra.certificate.der);
  const stage = openStage({ policy: { registrationAuthorities: [{ certificate, rights: ['nest', 'enrol', 'raVerified'] }] } });
  return { stage, ra: certificateOf(ra) };
}

async function measureNested(): Promise<void> {
  const { stage, ra } = openWithRa();
  const foreign = newAuthority('Nobody');
  // As many as fit into a message.
  const keys: readonly (readonly [string, Key, number])[] = [
    ['RSA-16384', smoothRsa(16_384, newKey().privateKey), 44],
    ['P-521', keyOf('P-521'), 100],
  ];
  for (const [name, key, count] of keys) {
    const device = certificateOf({ key, certificate: certify(named('device-77'), key.signer.publicKey, foreign.key.signer, foreign.certificate, [signing]) });
    const inside = await many(count, () => send({ type: 'ir', messages: [certReqMsg(newKey())] }, device));
    await measure(`a batch of ${count} messages signed by ${name}`, stage.handle, () => send(nested(...inside), ra));
  }
  const derived = await many(100, async () => {
    const parameters = pbmParameters({ salt: randomBytes(16), owf: 'sha512', iterationCount: 100_000, mac: 'sha512' });
    const protector = macProtector(parameters, randomBytes(64), Buffer.from('device-77'));
    return buildMessage({ ...(await begin()), protector }, { senderNonce: nonce() }, { type: 'ir', messages: [certReqMsg(newKey())] });
  });
  await measure('a batch of 100 messages under PBM of 100,000', stage.handle, () => send(nested(...derived), ra));
  const batch = await send(nested(...(await many(100, () => send({ type: 'genm', items: [] })))), ra);
  const wide = await many(100, async () => batch);
  await measure('a batch of batches, too large as a whole', stage.handle, () => send(nested(...wide), ra));
  let deep = await send({ type: 'genm', items: [] });
  for (let depth = 0; depth < 12; depth += 1) deep = await send(nested(deep), ra);
  await measure('nested twelve deep', stage.handle, async () => deep);
  let hollow = Buffer.alloc(0);
  for (let depth = 0; depth < 5_000; depth += 1) hollow = Buffer.from(encode(der.sequence(hollow)));
  await measure('nested 5,000 deep, of nothing', stage.handle, async () => hollow);
}

function keyOf(namedCurve: string): Key {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve });
  return { privateKey, signer: createSigner(privateKey, publicKeyOf(privateKey)) };
}

/** A transaction of twenty requests that wait, and polls for them, for thousands, and for one thousands of times. */
async function measurePolls(): Promise<void> {
  const stage = openStage({ policy: { severalRequests: true } });
  stage.core.mode = 'wait';
  const transaction = await begin();
  const messages: CertReqMsg[] = Array.from({ length: 20 }, (_, certReqId) =>
    certReqMsg(newKey(), { certReqId, template: { subject: named(`d-${certReqId}`) } }),
  );
  const asked = await stage.handle(buildMessage(transaction, { senderNonce: nonce() }, { type: 'ir', messages }));
  if (asked.status !== 200) throw new Error(`HTTP ${asked.status}`);
  const recipNonce = readReply(asked.bytes).message.header.senderNonce ?? nonce();
  const poll = async (certReqIds: readonly number[]) => buildMessage(transaction, { senderNonce: nonce(), recipNonce }, { type: 'pollReq', certReqIds });
  const all = Array.from({ length: 20 }, (_, at) => at);
  const [same, others] = [Array.from({ length: 6_000 }, () => 7), Array.from({ length: 6_000 }, (_, at) => at)];
  await measure('a poll for 6,000 requests', stage.handle, () => poll(others));
  await measure('a poll for one request 6,000 times', stage.handle, () => poll(same));
  await measure('a poll for twenty requests', stage.handle, () => poll(all));
}

async function measureQuestions(): Promise<void> {
  const { stage } = openWithRa();
  const large = encode(der.sequence(der.octetString(Buffer.alloc(40_000))));
  const questions = [
    oids.caProtEncCert,
    oids.signKeyPairTypes,
    oids.encKeyPairTypes,
    oids.preferredSymmAlg,
    oids.caKeyUpdateInfo,
    oids.currentCRL,
    oids.caCerts,
    oids.certReqTemplate,
  ].map((infoType) => ({ infoType }));
  const tags = encode(der.sequence(...Array.from({ length: 8_000 }, (_, at) => der.utf8String(`x-${at}`))));
  const valued = [
    { infoType: oids.keyPairParamReq, infoValue: encode(der.oid(oids.rsaEncryption)) },
    { infoType: oids.suppLangTags, infoValue: tags },
    ...Array.from({ length: 4 }, () => ({ infoType: oids.rootCaCert, infoValue: large })),
  ];
  await measure('a genm of every type, with 8,000 languages', stage.handle, () => send({ type: 'genm', items: [...questions, ...valued] }));
  const names = Array.from({ length: 2_000 }, (_, at) => named(`CA ${at}`));
  const statuses = der.sequence(...names.map((name) => der.sequence(der.explicit(1, der.sequence(der.explicit(4, name.der))))));
  await measure('a genm for the CRLs of 2,000 CAs', stage.handle, () =>
    send({ type: 'genm', items: [{ infoType: oids.crlStatusList, infoValue: encode(statuses) }] }),
  );
}

/** Refused before anything is derived. */
async function measureSalts(): Promise<void> {
  const stage = openStage();
  const salt = randomBytes(200_000);
  for (const [name, parameters] of [
    ['PBMAC1', pbmac1Parameters({ salt, iterationCount: 100_000, keyLength: 64, prf: 'sha512', mac: 'sha512' })],
    ['PBM', pbmParameters({ salt, owf: 'sha512', iterationCount: 100_000, mac: 'sha512' })],
  ] as const) {
    const small = pbmParameters({ salt: randomBytes(16), owf: 'sha256', iterationCount: 100, mac: 'sha256' });
    const protector = macProtector({ ...parameters }, await deriveMacKey(small, secret), Buffer.from('device-77'));
    await measure(`${name} with a salt of 200,000 octets`, stage.handle, async () =>
      buildMessage({ ...(await begin(secretOf())), protector }, { senderNonce: nonce() }, { type: 'genm', items: [] }),
    );
  }
}

/** The rows of what many, deep and large messages cost. */
export async function measureShapes(): Promise<void> {
  await measureNested();
  await measurePolls();
  await measureQuestions();
  await measureSalts();
}
