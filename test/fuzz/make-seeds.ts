/** Writes fixtures/fuzz anew: `node --import tsx test/fuzz/make-seeds.ts`. The messages the fuzzer starts from, and the keys they fit. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildRequest } from '../../src/device-client/certificate-wish.js';
import {
  buildCertConf,
  buildMessage as buildCmpMessage,
  buildPollReq,
  type CmpCredential,
  type CmpTransaction,
  protectorOf,
} from '../../src/device-client/cmp-messages.js';
import { buildCertPoll, buildMessage, buildPkcsReq, deviceKey, selfSignedCertificate } from '../../src/device-client/scep-message.js';
import {
  authorityInfoAccessExtension,
  basicConstraintsExtension,
  type Certificate,
  createSigner,
  crlDistributionPointExtension,
  crlNumberExtension,
  dnsName,
  type Extension,
  extendedKeyUsageExtension,
  ipName,
  keyUsageExtension,
  type Name,
  nameFromText,
  parseCertificate,
  publicKeyOf,
  type Signer,
  signCertificate,
  signCrl,
  subjectAltNameExtension,
  subjectKeyIdentifierExtension,
  toPem,
  uriName,
} from '../../src/pkix/index.js';
import { deriveMacKey, pbmac1Parameters, pbmParameters } from '../../src/protocol/cmp/index.js';
import { certificatesOnly, encodeEnvelopedData } from '../../src/protocol/cms/index.js';
import { certificateTime, der, encode, oids } from '../../src/protocol/der/index.js';
import { encodeCertRep, issuerAndSubject } from '../../src/protocol/scep/index.js';
import { seedTime } from './world.js';

const folder = join(import.meta.dirname, '../../fixtures/fuzz');
mkdirSync(folder, { recursive: true });
const write = (file: string, bytes: Buffer | string): void => writeFileSync(join(folder, file), bytes);

function keyIn(file: string, make: () => KeyObject): { readonly privateKey: KeyObject; readonly signer: Signer } {
  const privateKey = make();
  write(file, privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  return { privateKey, signer: createSigner(privateKey, publicKeyOf(privateKey)) };
}
const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const ca = keyIn('ca.key.pem', ec);
const ra = keyIn('ra.key.pem', rsa);
const device = keyIn('device.key.pem', rsa);
const member = keyIn('member.key.pem', ec);

function name(text: string): Name {
  const read = nameFromText(text);
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

let serial = 0x4100;
function certify(subject: Name, signer: Signer, extensions: readonly Extension[], issuer: Name = name('/O=Fuzz/CN=CA')): Certificate {
  serial += 1;
  const [notBefore, notAfter] = [new Date('2020-01-01T00:00:00Z'), new Date('2090-01-01T00:00:00Z')];
  const number = Buffer.alloc(8);
  number.writeUInt32BE(serial, 4);
  const fields = { serial: Buffer.concat([Buffer.of(0x41), number]), issuer, subject, notBefore, notAfter, spki: signer.publicKey.spki };
  const times = { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) };
  const identifier = subjectKeyIdentifierExtension(signer.publicKey.keyIdentifier);
  const parsed = parseCertificate(signCertificate({ ...fields, extensions: [identifier, ...extensions] }, times, ca.signer));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

const authority = certify(name('/O=Fuzz/CN=CA'), ca.signer, [
  basicConstraintsExtension({ ca: true, pathLength: 1 }),
  keyUsageExtension(['keyCertSign', 'cRLSign']),
]);
const raCertificate = certify(name('/O=Fuzz/CN=RA'), ra.signer, [keyUsageExtension(['digitalSignature', 'keyEncipherment'])]);
const wantedNames = subjectAltNameExtension([dnsName('device-1.example'), ipName('2001:db8::7'), uriName('urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6')]);
const ends = [keyUsageExtension(['digitalSignature']), extendedKeyUsageExtension([oids.clientAuth]), wantedNames];
const points = [crlDistributionPointExtension('http://ca.example/ca.crl'), authorityInfoAccessExtension('http://ca.example/ca.cer')];
const subject = name('/C=DE/O=Fuzz+OU=Ger\u00e4te/CN=device-1.example');
const deviceCertificate = certify(subject, device.signer, [...ends, ...points]);
const memberCertificate = certify(name('/O=Fuzz/CN=member'), member.signer, ends);
for (const [file, item] of [
  ['ca', authority],
  ['ra', raCertificate],
  ['device', deviceCertificate],
  ['member', memberCertificate],
] as const) {
  write(`${file}.crt.pem`, toPem('CERTIFICATE', item.der));
}

const revoked = [1, 5, 0].map((reason, index) => ({ serial: Buffer.of(index + 1), revokedAt: new Date('2024-05-05T00:00:00Z'), reason }));
const crlFields = { issuer: authority.subject, thisUpdate: new Date('2026-01-01T00:00:00Z'), nextUpdate: new Date('2060-01-01T00:00:00Z'), revoked };
write('list.crl.der', signCrl({ ...crlFields, extensions: [crlNumberExtension(7)] }, ca.signer));

const { challenge, reference, secret } = JSON.parse(readFileSync(join(import.meta.dirname, 'secrets.json'), 'utf8')) as Record<string, string>;
const key = deviceKey(createPrivateKey(readFileSync(join(folder, 'device.key.pem'))));
const scep = { recipient: raCertificate, key, subject, at: seedTime, challenge: challenge as string, extensions: [wantedNames] };
const itself = { certificate: selfSignedCertificate(key, subject, seedTime, 10_000), privateKey: key.privateKey };
const known = { certificate: deviceCertificate, privateKey: key.privateKey };
const first = buildPkcsReq(scep);
write('pkcsreq.scep.der', first.message);
write('pkcsreq-3des-sha1.scep.der', buildPkcsReq({ ...scep, cipher: 'des-ede3-cbc', digest: 'sha1', transactionId: 'T-2' }).message);
write(
  'pkcsreq-ski-sha512.scep.der',
  buildPkcsReq({ ...scep, identifiedBy: 'subjectKeyIdentifier', digest: 'sha512', cipher: 'aes256-cbc', transactionId: 'T-3', chain: [authority.der] }).message,
);
write('renewalreq.scep.der', buildPkcsReq({ ...scep, signer: known, messageType: 'RenewalReq', transactionId: 'T-4', chain: [authority.der] }).message);
write('certpoll.scep.der', buildCertPoll({ recipient: raCertificate, signer: itself, transactionId: 'T-5' }, authority.subject, subject).message);
write(
  'getcert.scep.der',
  buildMessage({ recipient: raCertificate, signer: itself, transactionId: 'T-6' }, 'GetCert', encode(der.sequence(authority.subject.der, der.integer(7))))
    .message,
);
write('device.csr.der', first.csr);
write('issuer-and-subject.data.der', encode(issuerAndSubject(authority.subject, subject)));

const raKey = raCertificate.publicKey.keyObject();
if (!raKey.ok) throw new Error(raKey.error);
write('pkcsreq.envelope.der', encodeEnvelopedData({ content: first.csr, cipher: 'aes128-cbc', recipient: raCertificate, publicKey: raKey.value }));
const header = { transactionId: Buffer.from('T-1'), recipientNonce: Buffer.alloc(16, 1), digest: 'sha256' } as const;
const replies = { certificate: raCertificate, privateKey: ra.privateKey };
const recipient = { certificate: raCertificate, publicKey: raKey.value, cipher: 'aes128-cbc', transport: { kind: 'pkcs1' } } as const;
write('success.certrep.der', encodeCertRep(header, Buffer.alloc(16, 2), { status: 'SUCCESS', certificates: [deviceCertificate.der], recipient }, replies));
write('failure.certrep.der', encodeCertRep(header, Buffer.alloc(16, 2), { status: 'FAILURE', failInfo: 'badRequest', failInfoText: 'No.' }, replies));
write('chain.p7c.der', certificatesOnly([deviceCertificate.der, authority.der]));

async function transactionOf(credential: CmpCredential): Promise<CmpTransaction> {
  const macKey = credential.kind === 'secret' ? await deriveMacKey(credential.parameters, credential.secret) : undefined;
  return { credential, protector: protectorOf(credential, macKey), transactionID: Buffer.alloc(16, 0x77), recipient: authority.subject };
}
const shared = { kind: 'secret', reference: reference as string, secret: Buffer.from(secret as string) } as const;
const pbm = pbmParameters({ salt: Buffer.alloc(16, 3), owf: 'sha256', iterationCount: 1000, mac: 'sha256' });
const pbmac1 = pbmac1Parameters({ salt: Buffer.alloc(16, 4), iterationCount: 1000, keyLength: 32, prf: 'sha256', mac: 'sha256' });
const credentials = {
  pbm: await transactionOf({ ...shared, parameters: pbm }),
  pbmac1: await transactionOf({ ...shared, parameters: pbmac1 }),
  signed: await transactionOf({ kind: 'certificate', certificate: memberCertificate, chain: [authority], signer: member.signer }),
};
const nonces = { senderNonce: Buffer.alloc(16, 5) };
const wish = { newKey: device.signer, subject, extensions: [wantedNames], notAfter: new Date('2030-01-01T00:00:00Z') };
const update = { ...wish, subject: memberCertificate.subject };
write('ir-pbm.cmp.der', buildRequest(credentials.pbm, nonces, { ...wish, type: 'ir', implicitConfirm: true }, seedTime));
write('ir-pbmac1.cmp.der', buildRequest(credentials.pbmac1, nonces, { ...wish, type: 'ir', certProfile: 'demo' }, seedTime));
write('p10cr-pbm.cmp.der', buildRequest(credentials.pbm, nonces, { ...wish, type: 'p10cr' }, seedTime));
write('ir-signed.cmp.der', buildRequest(credentials.signed, nonces, { ...wish, type: 'ir' }, seedTime));
write('cr-signed.cmp.der', buildRequest(credentials.signed, nonces, { ...update, type: 'cr' }, seedTime));
write('kur-signed.cmp.der', buildRequest(credentials.signed, nonces, { ...update, type: 'kur', oldCertificate: memberCertificate }, seedTime));
write(
  'certconf-pbm.cmp.der',
  buildCertConf(
    credentials.pbm,
    { ...nonces, recipNonce: Buffer.alloc(16, 6) },
    { certHash: Buffer.alloc(32, 7), certReqId: 0, statusInfo: { status: 'accepted' } },
  ),
);
write('pollreq-signed.cmp.der', buildPollReq(credentials.signed, { ...nonces, recipNonce: Buffer.alloc(16, 6) }, 0));
const replyNonces = { ...nonces, recipNonce: Buffer.alloc(16, 6) };
const response = {
  certReqId: 0,
  status: { status: 'grantedWithMods' as const, statusString: ['Capped.'] },
  certifiedKeyPair: { certificate: deviceCertificate.der },
};
write('ip-signed.cmp.der', buildCmpMessage(credentials.signed, replyNonces, { type: 'ip', content: { caPubs: [authority.der], response: [response] } }));
write(
  'error-pbm.cmp.der',
  buildCmpMessage(credentials.pbm, replyNonces, {
    type: 'error',
    content: { pKIStatusInfo: { status: 'rejection', statusString: ['No.'], failInfo: ['badRequest'] } },
  }),
);
write('genm-pbm.cmp.der', buildCmpMessage(credentials.pbm, nonces, { type: 'genm', items: [{ infoType: oids.certProfile }] }));
write(
  'pollrep-signed.cmp.der',
  buildCmpMessage(credentials.signed, replyNonces, { type: 'pollRep', entries: [{ certReqId: 0, checkAfter: 5, reason: ['Wait.'] }] }),
);
