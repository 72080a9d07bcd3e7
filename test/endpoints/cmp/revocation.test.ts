import { randomBytes } from 'node:crypto';
import t from 'tap';
import { buildRequest } from '../../../src/device-client/certificate-wish.js';
import { buildMessage, buildPollReq, type CmpCredential } from '../../../src/device-client/cmp-messages.js';
import { encodeExtension, extendedKeyUsageExtension, keyUsageExtension, parseCrl, serialHex, toPem } from '../../../src/pkix/index.js';
import {
  type CertTemplate,
  crlReasonDetails,
  encodeTemplateExtensions,
  implicitConfirmItem,
  type PkiBody,
  type RevDetails,
} from '../../../src/protocol/cmp/index.js';
import { der, encode, oids, tag } from '../../../src/protocol/der/index.js';
import { begin, certificateOf, gist, nonce, secretOf } from './requests.js';
import { type House, issuedIn, openHouse, type Resident } from './residence.js';
import { certify, named, newAuthority, newDevice, newKey } from './stage.js';

const details = ({ certificate }: Pick<Resident, 'certificate'>, reason?: number, more: CertTemplate = {}): RevDetails => ({
  certDetails: { serialNumber: certificate.serial, issuer: certificate.issuer, ...more },
  ...(reason !== undefined && { crlEntryDetails: crlReasonDetails(reason) }),
});
const rr = (...items: RevDetails[]): PkiBody => ({ type: 'rr', details: items });

/** An rr for the certificate that signs it. */
const revokeOwn = async (house: House, device: Resident, reason?: number) => gist(await house.askBody(rr(details(device, reason)), certificateOf(device)));

async function reasonOnList(house: House, { certificate }: Resident): Promise<number | undefined> {
  const crl = parseCrl((await house.engine.crl('issuing'))?.der ?? Buffer.alloc(0));
  if (!crl.ok) throw crl.error;
  return crl.value.revoked.find(({ serial }) => serial.equals(certificate.serial))?.reason;
}

t.test('CMP-137 CMP-143 the certificate that signs an rr is revoked at the CA before the rp says accepted', async (t) => {
  const house = await openHouse();
  const device = await house.enrol('device-1');
  const reply = await house.askBody(rr(details(device, 1)), certificateOf(device));
  t.strictSame(reply.body, { type: 'rp', content: { status: [{ status: 'accepted' }] } }, 'one status, no failInfo');
  t.equal(await reasonOnList(house, device), 1);
  const record = await house.store.certificates.findByFingerprint(
    { tenantId: house.endpoint.profile.tenantId, actor: 'test' },
    house.core.fingerprint(device.certificate.der),
  );
  t.match(record, { status: 'revoked', revocationReason: 1 });
  t.match(house.store.all()[0], { state: 'REVOKED' });
  t.equal(await revokeOwn(house, device, 1), 'rp rejection certRevoked', 'CMP-142 twice');
  t.equal(await revokeOwn(house, device, 8), 'rp rejection certRevoked', 'and never released');
});

t.test('CMP-139 reasons', async (t) => {
  const house = await openHouse();
  for (const reason of [0, 1, 2, 3, 4, 5, 9, 10]) {
    const device = await house.enrol(`reason-${reason}`);
    t.equal(await revokeOwn(house, device, reason), 'rp accepted', `CMP-139 reason ${reason}`);
    t.equal(await reasonOnList(house, device), reason);
  }
  const plain = await house.enrol('no-reason');
  t.equal(await revokeOwn(house, plain), 'rp accepted', 'CMP-139 no reasonCode, as OpenSSL sends it without -revreason');
  t.equal(await reasonOnList(house, plain), 0, 'is unspecified');
  const device = await house.enrol('odd-reasons');
  const one = encodeExtension({ oid: oids.reasonCode, critical: false, value: encode(der.integer(1, tag.enumerated)) });
  const rows: readonly (readonly [row: string, crlEntryDetails: Buffer, expected: string])[] = [
    ['CMP-139 reason 7', crlReasonDetails(7), 'rp rejection badDataFormat'],
    ['CMP-139 reason 99', crlReasonDetails(99), 'rp rejection badDataFormat'],
    ['CMP-139 reasonCode twice', encode(der.sequence(one, one)), 'rp rejection badRequest'],
    [
      'CMP-139 a reason that is an INTEGER',
      encode(der.sequence(encodeExtension({ oid: oids.reasonCode, critical: false, value: encode(der.integer(1)) }))),
      'rp rejection badDataFormat',
    ],
    ['CMP-139 crlEntryDetails that hold no extension', encode(der.sequence(der.integer(1))), 'rp rejection badDataFormat'],
  ];
  for (const [row, crlEntryDetails, expected] of rows) {
    const reply = await house.askBody(rr({ ...details(device), crlEntryDetails }), certificateOf(device));
    t.equal(gist(reply), expected, row);
  }
  t.equal(await reasonOnList(house, device), undefined, 'nothing of it was done');
});

t.test('CMP-138 certDetails name the certificate, and say nothing else of it that is not so', async (t) => {
  const house = await openHouse();
  const device = await house.enrol('device-1');
  const { certificate } = device;
  const { serial, issuer, subject, publicKey, notBefore, notAfter, signatureAlgorithm, extensions } = certificate;
  const ask = async (certDetails: CertTemplate) => gist(await house.askBody(rr({ certDetails }), certificateOf(device)));
  const wrong: readonly (readonly [string, CertTemplate, string])[] = [
    ['CMP-138 no serialNumber', { issuer }, 'rp rejection addInfoNotAvailable'],
    ['CMP-138 no issuer', { serialNumber: serial }, 'rp rejection addInfoNotAvailable'],
    ['CMP-138 nothing', {}, 'rp rejection addInfoNotAvailable'],
    ['CMP-138 another subject', { serialNumber: serial, issuer, subject: named('other') }, 'rp rejection badCertId'],
    ['CMP-138 another key', { serialNumber: serial, issuer, publicKey: newKey().signer.publicKey.spki }, 'rp rejection badCertId'],
    ['CMP-138 another validity', { serialNumber: serial, issuer, validity: { notAfter: new Date(0) } }, 'rp rejection badCertId'],
    ['CMP-138 another version', { serialNumber: serial, issuer, version: 0 }, 'rp rejection badCertId'],
    ['CMP-138 another algorithm', { serialNumber: serial, issuer, signingAlg: { oid: oids.ecdsaWithSha512 } }, 'rp rejection badCertId'],
    [
      'CMP-138 an extension it has not',
      { serialNumber: serial, issuer, extensions: encodeTemplateExtensions([keyUsageExtension(['cRLSign'])]) },
      'rp rejection badCertId',
    ],
    ['CMP-138 a unique identifier', { serialNumber: serial, issuer, subjectUID: { unusedBits: 0, bytes: Buffer.of(1) } }, 'rp rejection badCertId'],
    ['CMP-142 an unknown serial', { serialNumber: Buffer.of(5), issuer }, 'rp rejection badCertId'],
    ['CMP-142 another CA', { serialNumber: serial, issuer: named('Other CA') }, 'rp rejection badCertId'],
  ];
  for (const [row, template, expected] of wrong) t.equal(await ask(template), expected, row);
  t.equal(await reasonOnList(house, device), undefined);
  const whole = { version: 2, signingAlg: signatureAlgorithm, validity: { notBefore, notAfter }, subject, publicKey: publicKey.spki };
  t.equal(
    await ask({ serialNumber: serial, issuer, ...whole, extensions: encodeTemplateExtensions(extensions) }),
    'rp accepted',
    'CMP-138 everything as it is',
  );
});

t.test('CMP-140 CMP-141 who may have a certificate revoked', async (t) => {
  const ra = newAuthority('RA Authority');
  const certifyRa = (name: string, ...purposes: string[]) => {
    const key = newKey();
    const usage = [keyUsageExtension(['digitalSignature']), ...(purposes.length === 0 ? [] : [extendedKeyUsageExtension(purposes)])];
    return { key, certificate: certify(named(name), key.signer.publicKey, ra.key.signer, ra.certificate, usage) };
  };
  const registered = { certificate: toPem('CERTIFICATE', ra.certificate.der), rights: ['revoke' as const] };
  const house = await openHouse({ registrationAuthorities: [registered] });
  const mac = await openHouse({ revocation: { serve: true, bySecret: true, hold: true, passphrases: false, several: false } });
  const [one, two] = [await house.enrol('device-1'), await house.enrol('device-2')];
  const ask = async (target: Resident, credential: CmpCredential, where = house) => gist(await where.askBody(rr(details(target, 1)), credential));
  t.equal(await ask(one, certificateOf(two)), 'rp rejection notAuthorized', 'CMP-140 the certificate of another device');
  t.equal(await ask(one, secretOf()), 'error rejection wrongIntegrity', 'CMP-140 the shared secret, where the profile does not say so');
  t.equal(await ask(one, certificateOf(newDevice('stranger', newAuthority('Elsewhere')))), 'error rejection signerNotTrusted', 'CMP-074 a stranger');
  t.equal(await ask(one, certificateOf(certifyRa('not an RA'))), 'error rejection signerNotTrusted', 'CMP-077 below the registered CA, but without cmcRA');
  t.equal(await reasonOnList(house, one), undefined);
  t.equal(await ask(one, certificateOf(certifyRa('RA', oids.cmcRA))), 'rp accepted', 'CMP-141 an RA with that right');
  t.equal(await reasonOnList(house, one), 1);
  const nester = await openHouse({ registrationAuthorities: [{ ...registered, rights: ['nest'] }] });
  t.equal(
    await ask(await nester.enrol('device-1'), certificateOf(certifyRa('RA', oids.cmcRA)), nester),
    'error rejection signerNotTrusted',
    'CMP-141 an RA without it',
  );

  const mine = await mac.enrol('device-1');
  const other = await mac.enrol('device-2', 'other');
  t.equal(await ask(mine, secretOf('other'), mac), 'rp rejection notAuthorized', 'CMP-140 a secret that enrolled something else');
  t.equal(await ask(mine, secretOf(), mac), 'rp accepted', 'CMP-140 the secret it was enrolled with, where the profile says so');
  t.equal(await ask(other, certificateOf(other), mac), 'rp accepted', 'and the certificate itself all the same');
  const off = await openHouse({ revocation: { serve: false, bySecret: true, hold: true, passphrases: false, several: false } });
  const there = await off.enrol('device-1');
  t.equal(await ask(there, certificateOf(there), off), 'error rejection badRequest', 'CMP-085 a profile that serves no rr');
});

t.test('CMP-140 the secret of the first enrolment reaches the renewals too', async (t) => {
  const house = await openHouse({ revocation: { serve: true, bySecret: true, hold: true, passphrases: false, several: false } });
  const first = await house.enrol('device-1');
  const key = newKey();
  const wish = { type: 'kur' as const, newKey: key.signer, subject: first.certificate.subject, oldCertificate: first.certificate, implicitConfirm: true };
  const renewed = { key, certificate: issuedIn(await house.ask(buildRequest(await begin(certificateOf(first)), { senderNonce: nonce() }, wish))) };
  t.equal(gist(await house.askBody(rr(details(renewed, 4)), secretOf('other'))), 'rp rejection notAuthorized');
  t.equal(gist(await house.askBody(rr(details(renewed, 4)), secretOf())), 'rp accepted');
  t.equal(gist(await house.askBody(rr(details(first, 4)), certificateOf(first))), 'rp accepted', 'an updated certificate may still revoke itself');
});

t.test('CMP-144 hold and release', async (t) => {
  const revocation = { serve: true, bySecret: true, hold: true, passphrases: false, several: false };
  const house = await openHouse({ revocation });
  const device = await house.enrol('device-1');
  const bySecret = async (reason: number) => gist(await house.askBody(rr(details(device, reason)), secretOf()));
  t.equal(await bySecret(8), 'rp rejection badRequest', 'CMP-144 nothing to release');
  t.equal(await revokeOwn(house, device, 6), 'rp accepted', 'CMP-144 on hold');
  t.equal(await reasonOnList(house, device), 6);
  t.equal(await revokeOwn(house, device, 8), 'rp rejection certRevoked', 'CMP-144 the holder of a certificate on hold cannot release it');
  t.equal(await revokeOwn(house, device, 1), 'rp rejection certRevoked');
  t.equal(await bySecret(6), 'rp rejection certRevoked', 'on hold already');
  t.equal(await bySecret(8), 'rp accepted', 'CMP-144 released');
  t.equal(await reasonOnList(house, device), undefined, 'and off the list');
  t.match(house.store.all()[0], { state: 'CONFIRMED' });
  t.equal(await revokeOwn(house, device, 6), 'rp accepted', 'on hold again');
  t.equal(await bySecret(1), 'rp accepted', 'CMP-144 and from there revoked for good');
  t.equal(await reasonOnList(house, device), 1);
  t.equal(await bySecret(8), 'rp rejection certRevoked');
  const strict = await openHouse({ revocation: { ...revocation, hold: false } });
  const there = await strict.enrol('device-1');
  t.equal(await revokeOwn(strict, there, 6), 'rp rejection badRequest', 'CMP-144 a profile that knows no holds');
  t.equal(await revokeOwn(strict, there, 1), 'rp accepted');
});

t.test('CMP-137 several certificates in one rr', async (t) => {
  const house = await openHouse();
  const device = await house.enrol('device-1');
  const refused = await house.askBody(rr(details(device, 1), details(device, 1)), certificateOf(device));
  t.equal(gist(refused), 'rp rejection badRequest rejection badRequest', 'CMP-137 two, where the profile wants one');
  t.equal(await reasonOnList(house, device), undefined);
  const many = await openHouse({ revocation: { serve: true, bySecret: true, hold: true, passphrases: false, several: true } });
  const [one, two, other] = [await many.enrol('device-1'), await many.enrol('device-2'), await many.enrol('device-3', 'other')];
  const unknown = { certDetails: { serialNumber: Buffer.of(5), issuer: one.certificate.issuer } };
  const reply = await many.askBody(rr(details(one, 1), details(other, 1), details(two, 4), unknown), secretOf());
  t.equal(gist(reply), 'rp accepted rejection notAuthorized accepted rejection badCertId', 'CMP-137 one status each, in their order');
  t.same([await reasonOnList(many, one), await reasonOnList(many, two), await reasonOnList(many, other)], [1, 4, undefined]);
  const load = Array.from({ length: 21 }, () => details(other, 1));
  t.notMatch(gist(await many.askBody(rr(...load), secretOf('other'))), /accepted/, 'at most 20');
});

t.test('CMP-145 CMP-147 CMP-150 an rr that waits for its CA is answered by error waiting, then polled with -1', async (t) => {
  const house = await openHouse();
  house.mood.revocations = 'The CA is away.';
  const device = await house.enrol('device-1');
  const transaction = await begin(certificateOf(device));
  const request = buildMessage(transaction, { senderNonce: nonce() }, rr(details(device, 1)));
  const first = await house.ask(request);
  t.equal(gist(first), 'error waiting', 'CMP-147 error with status waiting');
  t.equal(first.body.type === 'error' && first.body.content.pKIStatusInfo.failInfo, undefined);
  const again = await house.ask(request);
  t.equal(gist(again), 'error waiting', 'CMP-201 the same request again');
  t.same(again.message.header.senderNonce, first.message.header.senderNonce, 'and the same nonce, so that polls after either verify');
  const poll = async (recipNonce: Buffer | undefined, certReqId = -1) =>
    house.ask(buildPollReq(transaction, { senderNonce: nonce(), ...(recipNonce && { recipNonce }) }, certReqId));
  t.equal(gist(await poll(first.message.header.senderNonce, 0)), 'error rejection badRequest', 'CMP-148 not 0');
  t.equal(gist(await poll(nonce())), 'error rejection badRecipientNonce', 'CMP-044');
  const other = await house.enrol('device-2');
  const stranger = await begin(certificateOf(other), transaction.transactionID);
  const foreign = buildPollReq(stranger, { senderNonce: nonce(), recipNonce: first.message.header.senderNonce as Buffer }, -1);
  t.equal(gist(await house.ask(foreign)), 'error rejection badMessageCheck', 'CMP-151 another credential');
  const waiting = await poll(first.message.header.senderNonce);
  t.match(waiting.body, { type: 'pollRep', entries: [{ certReqId: -1 }] });
  t.equal(await reasonOnList(house, device), undefined);
  house.mood.revocations = 'done';
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await house.work();
  const final = await poll(waiting.message.header.senderNonce);
  t.equal(gist(final), 'rp accepted', 'CMP-150 and the rp once the CA has done it');
  t.equal(await reasonOnList(house, device), 1);
  const other2 = buildMessage(transaction, { senderNonce: nonce() }, rr(details(device, 4)));
  t.equal(gist(await house.ask(other2)), 'error rejection transactionIdInUse', 'CMP-037 something else under the same transactionID');
  t.equal(gist(await house.ask(request)), 'rp accepted', 'CMP-201 the first request once more');
});

t.test('CMP-145 a CA that hangs holds the device for a moment only', async (t) => {
  const house = await openHouse();
  const device = await house.enrol('device-1');
  house.mood.revocations = 'slow';
  t.equal(await revokeOwn(house, device, 1), 'error waiting');
});

t.test('CMP-146 faults of header and protection are error messages, those of what is asked for stand in the rp', async (t) => {
  const house = await openHouse();
  const device = await house.enrol('device-1');
  const transaction = await begin(certificateOf(device));
  const forged = { ...transaction, protector: { ...transaction.protector, protect: () => randomBytes(70) } };
  t.equal(gist(await house.ask(buildMessage(forged, { senderNonce: nonce() }, rr(details(device))))), 'error rejection badMessageCheck');
  t.equal(gist(await house.askBody(rr(details(device)), certificateOf(device), { pvno: 9 })), 'error rejection unsupportedVersion');
  t.equal(gist(await house.askBody(rr({ certDetails: {} }), certificateOf(device))), 'rp rejection addInfoNotAvailable');
  t.equal(
    gist(await house.askBody(rr(details(device)), certificateOf(device), {}, { label: 'keyupdate' })),
    'error rejection badRequest',
    'CMP-011 at another label',
  );
  t.equal(gist(await house.askBody({ type: 'rr', details: [] }, certificateOf(device))), 'error rejection badDataFormat', 'an empty list is malformed');
  const strict = await openHouse({ conduct: 'strict' });
  const there = await strict.enrol('device-1');
  const asked = strict.askBody(rr(details(there)), certificateOf(there), { generalInfo: [implicitConfirmItem] });
  t.equal(gist(await asked), 'error rejection badRequest', 'CMP-049 implicitConfirm has no place in an rr');
  t.equal(gist(await house.askBody(rr(details(device)), certificateOf(device), {}, { label: 'revocation' })), 'rp accepted', 'CMP-008 at its own');
});

t.test('revocations and their refusals are in the audit trail', async (t) => {
  const house = await openHouse();
  const device = await house.enrol('device-1');
  await house.askBody(rr(details(device)), certificateOf(newDevice('stranger', newAuthority('Elsewhere'))));
  t.match(house.events, ['revocation.refused']);
  const noted = house.store.noted.filter(({ detail }) => detail.startsWith('rr'));
  t.match(noted, [{ reason: 'untrusted-signer', source: '192.0.2.1' }]);
  await revokeOwn(house, device, 1);
  const timeline = await house.store.orderReader.timeline({ tenantId: house.endpoint.profile.tenantId, actor: 'test' }, house.store.all()[0]?.id ?? '');
  t.match(timeline.map(({ state, actor, detail }) => [state, actor, detail]).slice(-2), [
    ['REVOKE_WANTED', 'device', `Asked for by certificate:${serialHex(device.certificate.serial)}.`],
    ['REVOKED', 'worker:revoke', ''],
  ]);
});

t.test('CMP-189 a revocation that the CA refuses for good ends: the device learns it, the order says why', async (t) => {
  const house = await openHouse();
  house.mood.revocations = 'never';
  const device = await house.enrol('device-1');
  const reply = await house.askBody(rr(details(device, 1)), certificateOf(device));
  t.equal(gist(reply), 'rp rejection badRequest');
  const [order] = house.store.all();
  t.match(order, { state: 'REVOKE_WANTED', failReason: 'The CA did not take the revocation: no such certificate' });
  house.mood.revocations = 'done';
  await house.work();
  t.equal(house.store.all()[0]?.state, 'REVOKE_WANTED', 'nobody asks it again by himself');
});
