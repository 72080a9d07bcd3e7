import { randomBytes } from 'node:crypto';
import t from 'tap';
import { buildCertConf, buildMessage, type CmpTransaction } from '../../../src/device-client/cmp-messages.js';
import { createLockOut } from '../../../src/endpoints/cmp/lock-out.js';
import { createRateLimit } from '../../../src/endpoints/cmp/rate-limit.js';
import { sourceOf } from '../../../src/endpoints/cmp/source-of.js';
import { parseCertificate, type Signer } from '../../../src/pkix/index.js';
import {
  type AttributeTypeAndValue,
  authenticatorControl,
  certHash,
  implicitConfirmItem,
  type PkiBody,
  registrationControlsOf,
  regTokenControl,
} from '../../../src/protocol/cmp/index.js';
import { der, oids } from '../../../src/protocol/der/index.js';
import { stoppedClock } from '../../../src/runtime/clock.js';
import { challengeMac, generateCredential } from '../../../src/tenancy/credentials.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { cmpProfile } from '../../support/profiles.js';
import { certReqMsg } from './asking.js';
import { begin, certificateOf, gist, nonce, type ReadReply, secretOf } from './requests.js';
import { type House, issuedIn, openHouse } from './residence.js';
import { named, newKey } from './stage.js';

const implicit = { generalInfo: [implicitConfirmItem] };

const ir = (name = 'device-77', key = newKey(), controls: readonly AttributeTypeAndValue[] = []): PkiBody => ({
  type: 'ir',
  messages: [certReqMsg(key, { template: { subject: named(name) }, ...(controls.length > 0 && { controls }) })],
});

function confirming(transaction: CmpTransaction, reply: ReadReply): Buffer {
  const certificate = parseCertificate(issuedIn(reply).der);
  const hash = certificate.ok ? certHash(certificate.value) : undefined;
  if (!hash?.ok) throw new Error('no certificate');
  const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce ?? nonce() };
  return buildCertConf(transaction, nonces, { certReqId: 0, certHash: hash.value });
}

t.test('CMP-215 a secret of one device is consumed by its certificate; what belongs to that transaction still verifies', async (t) => {
  const house = await openHouse();
  const own = randomBytes(18);
  house.deviceSecrets.give('lamp-1', own);
  const transaction = await begin(secretOf('lamp-1', own));
  const request = buildMessage(transaction, { senderNonce: nonce() }, ir());
  const reply = await house.ask(request);
  t.equal(gist(reply), 'ip accepted');
  t.same(issuedIn(await house.ask(request)).der, issuedIn(reply).der, 'CMP-201 the same again to a retransmission, which is no second use');
  t.equal(gist(await house.ask(confirming(transaction, reply))), 'pkiconf');
  t.equal(gist(await house.askBody(ir(), secretOf('lamp-1', own))), 'ip rejection notAuthorized', 'a second ir');
  t.equal(gist(await house.askBody(ir(), secretOf('lamp-1', randomBytes(18)))), 'error rejection badMessageCheck', 'a guess learns nothing of it');
  t.equal(house.store.all().length, 1, 'one order');
});

t.test('CMP-215 a request that the policy refuses consumes nothing; a secret for three is good for three', async (t) => {
  const house = await openHouse({}, { keys: policySchema.parse({ keys: { curves: ['P-256'] } }).keys });
  const own = randomBytes(18);
  house.deviceSecrets.give('lamp-3', own, { maxUses: 3 });
  const ask = async (body: PkiBody) => gist(await house.askBody(body, secretOf('lamp-3', own), implicit));
  t.equal(await ask(ir('device-1', newKey('P-384'))), 'ip rejection badAlg');
  const first = buildMessage(await begin(secretOf('lamp-3', own)), { senderNonce: nonce() }, ir('device-1'), implicit);
  t.equal(gist(await house.ask(first)), 'ip accepted');
  t.equal(await ask(ir('device-2')), 'ip accepted');
  t.equal(gist(await house.ask(first)), 'ip accepted', 'CMP-201 a late copy of the first is no use either');
  t.equal(await ask(ir('device-3')), 'ip accepted');
  t.equal(await ask(ir('device-4')), 'ip rejection notAuthorized');
});

t.test('CMP-111 CMP-218 a secret that is bound to a name certifies that name alone', async (t) => {
  const house = await openHouse();
  const own = randomBytes(18);
  house.deviceSecrets.give('lamp-2', own, { subject: 'CN=lamp-*', maxUses: 2 });
  t.equal(gist(await house.askBody(ir('door-1'), secretOf('lamp-2', own), implicit)), 'ip rejection notAuthorized');
  t.equal(gist(await house.askBody(ir('lamp-7'), secretOf('lamp-2', own), implicit)), 'ip accepted');
});

t.test('CMP-204 CMP-215 guessing locks the guesser out, and the right secret then looks as wrong as any', async (t) => {
  const house = await openHouse({ lockOut: { attempts: 3, minutes: 15, everywhere: false } });
  const own = randomBytes(18);
  house.deviceSecrets.give('lamp-9', own, { maxUses: 9 });
  const from = async (clientIp: string, value: Parameters<typeof secretOf>[1]) =>
    gist(await house.askBody(ir(), secretOf('lamp-9', value), implicit, { clientIp }));
  const wrong = 'error rejection badMessageCheck';
  for (let i = 0; i < 2; i += 1) t.equal(await from('192.0.2.66', randomBytes(18)), wrong);
  t.equal(await from('192.0.2.66', own), 'ip accepted', 'the right one in time counts from nothing again');
  for (let i = 0; i < 3; i += 1) t.equal(await from('192.0.2.66', randomBytes(18)), wrong);
  t.equal(await from('192.0.2.66', own), wrong, 'locked');
  t.equal(await from('192.0.2.7', own), 'ip accepted', 'nobody else is');
});

t.test('CMP-204 a lock ends with its time, holds for one /64, and everywhere where the profile says so', async (t) => {
  const clock = stoppedClock(new Date());
  const lock = createLockOut(clock);
  const profileWith = (everywhere: boolean, attempts: number | null = 2) =>
    cmpProfile({ policy: policySchema.parse({ cmp: { lockOut: { attempts, minutes: 10, everywhere } } }) });
  const profile = profileWith(false);
  const guess = (at: string, whose = profile) => lock.noteWrong(whose, 'ref', at);
  guess('2001:db8::1');
  t.notOk(lock.isLocked(profile, 'ref', '2001:db8::1'));
  guess('2001:db8::ffff:2');
  t.ok(lock.isLocked(profile, 'ref', '2001:db8:0:0:9::9'), 'the same /64');
  t.notOk(lock.isLocked(profile, 'ref', '2001:db8:0:1::1'), 'another one');
  t.notOk(lock.isLocked(profile, 'other', '2001:db8::1'), 'another reference');
  clock.advance(10 * 60_000 + 1);
  t.notOk(lock.isLocked(profile, 'ref', '2001:db8::1'), 'over');
  guess('2001:db8::1');
  t.notOk(lock.isLocked(profile, 'ref', '2001:db8::1'), 'and counted from nothing again');
  const shared = profileWith(true);
  guess('192.0.2.1', shared);
  guess('192.0.2.2', shared);
  t.ok(lock.isLocked(shared, 'ref', '192.0.2.3'));
  const never = profileWith(false, null);
  for (let i = 0; i < 50; i += 1) guess('192.0.2.1', never);
  t.notOk(lock.isLocked(never, 'ref', '192.0.2.1'));
  t.same(['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', 'fe80::1%eth0', '::1'].map(sourceOf), [
    '192.0.2.1',
    '::ffff:192.0.2.1',
    '2001:db8:0:0',
    'fe80:0:0:0',
    '0:0:0:0',
  ]);
});

/** A token of the profile, minted as the API does. */
async function tokenOf(house: House, fields: { readonly subject?: string; readonly maxUses?: number; readonly expiresAt?: Date } = {}): Promise<string> {
  const token = generateCredential();
  const { id: profileId, tenantId } = house.endpoint.profile;
  const mac = challengeMac(house.core.challengeMacKey, profileId, token);
  const { subject = null, maxUses = 1, expiresAt = new Date(Date.now() + 60_000) } = fields;
  await house.store.challenges.mint(
    { tenantId, actor: 'test' },
    { id: generateCredential(), profileId, mac, subject, sans: null, deviceId: null, maxUses, expiresAt },
  );
  return token;
}

t.test('CMP-099 regToken is good once, authenticator as often as it is shown; a wrong one is refused', async (t) => {
  const house = await openHouse({ registrationTokens: 'demand' });
  const ask = async (...controls: AttributeTypeAndValue[]) => gist(await house.askBody(ir('device-77', newKey(), controls), secretOf(), implicit));
  const refused = 'ip rejection notAuthorized';
  const once = await tokenOf(house);
  const request = buildMessage(await begin(), { senderNonce: nonce() }, ir('device-77', newKey(), [regTokenControl(once)]), implicit);
  const first = await house.ask(request);
  t.equal(gist(first), 'ip accepted');
  t.same(issuedIn(await house.ask(request)).der, issuedIn(first).der, 'CMP-201 the same again to a retransmission');
  t.equal(await ask(regTokenControl(once)), refused, 'a second use');
  t.equal(await ask(regTokenControl(generateCredential())), refused, 'unknown');
  t.equal(await ask(regTokenControl(await tokenOf(house, { expiresAt: new Date(Date.now() - 1) }))), refused, 'expired');
  t.equal(await ask(), refused, 'none');
  const lasting = await tokenOf(house, { subject: 'CN=device-77' });
  for (let i = 0; i < 3; i += 1) t.equal(await ask(authenticatorControl(lasting)), 'ip accepted');
  t.equal(await ask(authenticatorControl(generateCredential())), refused, 'a wrong authenticator');
  const other = ir('device-78', newKey(), [authenticatorControl(lasting)]);
  t.equal(gist(await house.askBody(other, secretOf(), implicit)), refused, 'that of another device');
  t.equal(await ask(authenticatorControl(lasting), regTokenControl(once)), refused, 'both must be right');
  const bound = await tokenOf(house, { subject: 'CN=device-1' });
  t.equal(await ask(regTokenControl(bound)), refused, 'one for another name');
});

t.test('CMP-098 CMP-099 tokens are passed over unless the profile looks at them; malformed ones are badDataFormat', async (t) => {
  const [ignoring, checking] = [await openHouse(), await openHouse({ registrationTokens: 'check' })];
  const wrong = () => ir('device-77', newKey(), [regTokenControl(generateCredential())]);
  t.equal(gist(await ignoring.askBody(wrong(), secretOf(), implicit)), 'ip accepted');
  t.equal(gist(await checking.askBody(wrong(), secretOf(), implicit)), 'ip rejection notAuthorized');
  t.equal(gist(await checking.askBody(ir(), secretOf(), implicit)), 'ip accepted', 'none is none to check');
  const device = await checking.enrol('device-5');
  const kur: PkiBody = { type: 'kur', messages: [certReqMsg(newKey(), { template: { subject: named('device-5') }, controls: [regTokenControl('x')] })] };
  t.equal(gist(await checking.askBody(kur, certificateOf(device), implicit)), 'kup accepted', 'a renewal has shown more than a token');
  for (const controls of [[{ type: oids.regToken, value: der.integer(5) }], [regTokenControl('a'), regTokenControl('b')]]) {
    t.equal(registrationControlsOf(controls).ok, false);
    t.equal(gist(await ignoring.askBody(ir('device-77', newKey(), controls), secretOf(), implicit)), 'ip rejection badDataFormat');
  }
});

t.test('CMP-095 a key certified for one name is certified for no other where the profile says so', async (t) => {
  const house = await openHouse({}, { keys: policySchema.parse({ keys: { sharing: 'refuse' } }).keys });
  const key = newKey();
  const ask = async (name: string, whose: { readonly signer: Signer } = key) => gist(await house.askBody(ir(name, whose as never), secretOf(), implicit));
  t.equal(await ask('device-1'), 'ip accepted');
  t.equal(await ask('device-2'), 'ip rejection badCertTemplate', 'the key of device-1');
  t.equal(await ask('device-1'), 'ip accepted', 'the same name may come again');
  t.equal(await ask('device-2', newKey()), 'ip accepted');
  const free = await openHouse();
  for (const name of ['device-1', 'device-2']) t.equal(gist(await free.askBody(ir(name, key), secretOf(), implicit)), 'ip accepted', 'allowed by default');
});

t.test('CMP-095 a request for what its device has already is duplicateCertReq', async (t) => {
  const house = await openHouse({}, { duplicates: 'refuse' });
  t.equal(gist(await house.askBody(ir('device-1'), secretOf(), implicit)), 'ip waiting');
  t.equal(gist(await house.askBody(ir('device-1'), secretOf(), implicit)), 'ip rejection duplicateCertReq', 'while the first is under way');
  const several = await openHouse({ severalRequests: true });
  const [one, two] = [newKey(), newKey()];
  const message = (certReqId: number, key = one) => certReqMsg(key, { certReqId, template: { subject: named('device-1') } });
  const { body } = await several.askBody({ type: 'ir', messages: [message(0), message(1), message(2, two)] }, secretOf(), implicit);
  const statuses =
    'content' in body && 'response' in body.content ? body.content.response.map(({ status }) => [status.status, ...(status.failInfo ?? [])]) : [];
  t.same(statuses, [['accepted'], ['rejection', 'duplicateCertReq'], ['accepted']], 'twice in one message');
});

t.test('CMP-222 who sends more than the profile takes is told so by HTTP, before his message is read', async (t) => {
  const house = await openHouse({ rateLimit: { perSource: 2, perProfile: null } });
  const request = async () => buildMessage(await begin(), { senderNonce: nonce() }, ir(), implicit);
  t.equal(await house.post(await request()), '200 ip accepted');
  t.equal(await house.post(Buffer.from('junk')), '200 error rejection badDataFormat');
  t.equal(await house.post(await request()), '429');
  t.equal(house.store.all().length, 1);
  t.equal(house.store.noted.at(-1)?.reason, 'throttled');
});

t.test('CMP-222 the limits hold by source and for the profile, and fill up again within a minute', async (t) => {
  const clock = stoppedClock(new Date());
  const limit = createRateLimit(clock);
  const profile = cmpProfile({ policy: policySchema.parse({ cmp: { rateLimit: { perSource: 2, perProfile: 3 } } }) });
  const from = (address: string) => limit.delayOf(profile, address);
  t.same([from('192.0.2.1'), from('192.0.2.1')], [undefined, undefined]);
  t.equal(from('192.0.2.1'), 30, 'after how many seconds the next one may come');
  t.equal(from('192.0.2.2'), undefined, 'another source');
  t.equal(from('192.0.2.3'), 20, 'the profile has had enough');
  clock.advance(30_000);
  t.equal(from('192.0.2.1'), undefined);
  const free = cmpProfile();
  for (let i = 0; i < 100; i += 1) t.equal(limit.delayOf(free, '192.0.2.1'), undefined);
});
