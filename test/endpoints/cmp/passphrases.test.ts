import { randomBytes } from 'node:crypto';
import t from 'tap';
import { questionOf } from '../../../src/device-client/cmp-general.js';
import type { InfoTypeAndValue, PkiBody } from '../../../src/protocol/cmp/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { certReqMsg } from './asking.js';
import { newAgreementKey } from './encryption-keys.js';
import { certificateOf, gist, secretOf } from './requests.js';
import { type House, openHouse, type Resident } from './residence.js';
import { newAuthority, newKey } from './stage.js';

const settings = (more: object = {}) => policySchema.parse({ cmp: { revocation: { passphrases: true }, ...more } }).cmp;
const open = (more: object = {}) => openHouse(settings(more));
const passphrase = Buffer.from('a passphrase that nobody guesses');
const v3 = { pvno: 3 };

/** revPassphrase as a device makes it. */
function item(house: House, keyId: string, value = passphrase, recipient = house.endpoint.encryptionKeys?.[0]?.certificate): InfoTypeAndValue {
  if (recipient === undefined) throw new Error('no encryption key');
  const made = questionOf('revPassphrase', { languages: [], passphrase: { passphrase: value, keyId: Buffer.from(keyId), recipient } });
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

const genm = (...items: InfoTypeAndValue[]): PkiBody => ({ type: 'genm', items });
const rr = ({ certificate }: Resident): PkiBody => ({
  type: 'rr',
  details: [{ certDetails: { issuer: certificate.issuer, serialNumber: certificate.serial } }],
});
const itemsIn = (body: PkiBody): readonly InfoTypeAndValue[] => (body.type === 'genp' ? body.items : []);

t.test('CMP-167 a passphrase left by genm is acknowledged without a value, and revokes the certificate of who left it, and its renewals', async (t) => {
  const house = await open();
  const [device, neighbour] = [await house.enrol('device-1'), await house.enrol('device-2')];
  const left = await house.askBody(genm(item(house, 'lost-1')), certificateOf(device), v3);
  t.same(itemsIn(left.body), [{ infoType: oids.revPassphrase }]);
  t.ok(house.events.includes('revocation-passphrase.kept'));
  const by = secretOf('lost-1', passphrase);
  t.equal(gist(await house.askBody(rr(neighbour), by)), 'rp rejection notAuthorized', 'nobody else');
  const renewed = await house.askBody(
    { type: 'kur', messages: [certReqMsg(newKey(), { template: { subject: device.certificate.subject } })] },
    certificateOf(device),
  );
  t.equal(gist(renewed), 'kup accepted');
  t.equal(gist(await house.askBody(rr(device), by)), 'rp accepted');
  t.equal(gist(await house.askBody(rr(device), by)), 'rp rejection certRevoked');
});

t.test('CMP-054 CMP-167 a passphrase in the header of any message is acknowledged in the header of its answer', async (t) => {
  const house = await open();
  const device = await house.enrol('device-1');
  const generalInfo = [item(house, 'lost-header')];
  const reply = await house.askBody(genm({ infoType: oids.caCerts }), certificateOf(device), { ...v3, generalInfo });
  t.same(
    itemsIn(reply.body).map(({ infoType }) => infoType),
    [oids.caCerts],
  );
  t.same(reply.message.header.generalInfo, [{ infoType: oids.revPassphrase }]);
  const rejected = await house.askBody({ type: 'cr', messages: [certReqMsg(newKey(), { popo: null })] }, certificateOf(device), { ...v3, generalInfo });
  t.equal(gist(rejected), 'cp rejection badPOP');
  t.ok(
    rejected.message.header.generalInfo?.some(({ infoType }) => infoType === oids.revPassphrase),
    'also where the rest is refused',
  );
  t.equal(gist(await house.askBody(rr(device), secretOf('lost-header', passphrase))), 'rp accepted');
});

t.test('CMP-167 a passphrase is good for nothing but revocation, and guesses of it are refused as any wrong MAC', async (t) => {
  const house = await open();
  const device = await house.enrol('device-1');
  await house.askBody(genm(item(house, 'lost-1')), certificateOf(device), v3);
  const by = secretOf('lost-1', passphrase);
  const refused = 'error rejection badMessageCheck';
  t.equal(gist(await house.askBody({ type: 'ir', messages: [certReqMsg(newKey())] }, by)), refused, 'ir');
  t.equal(gist(await house.askBody(genm({ infoType: oids.caCerts }), by)), refused, 'genm');
  t.equal(gist(await house.askBody(rr(device), secretOf('lost-1', Buffer.from('a passphrase that I made up')))), refused, 'a wrong one');
  t.equal(gist(await house.askBody(rr(device), secretOf('lost-2', passphrase))), refused, 'under another identifier');
  await house.askBody(genm(item(house, 'lost-1', Buffer.from('another passphrase'))), certificateOf(device), v3);
  t.equal(gist(await house.askBody(rr(device), by)), refused, 'one that was replaced');
  t.equal(gist(await house.askBody(rr(device), secretOf('lost-1', Buffer.from('another passphrase')))), 'rp accepted');
});

t.test('CMP-167 passphrases that are not kept', async (t) => {
  const house = await open();
  const [device, neighbour] = [await house.enrol('device-1'), await house.enrol('device-2')];
  const asked = async (given: InfoTypeAndValue, by = certificateOf(device), header: object = v3) => gist(await house.askBody(genm(given), by, header));
  await asked(item(house, 'taken'), certificateOf(neighbour));
  const foreign = newAgreementKey(newAuthority('Elsewhere'), []).certificate;
  t.equal(await asked(item(house, 'taken')), 'error rejection notAuthorized', 'under the identifier of another');
  t.equal(await asked(item(house, 'lost-a', passphrase, foreign)), 'error rejection badRequest', 'for a key that is not ours');
  t.equal(await asked(item(house, 'lost-a', Buffer.from('too short'))), 'error rejection badRequest');
  t.equal(await asked(item(house, 'lost-a', randomBytes(257))), 'error rejection badRequest', 'too long');
  t.equal(await asked(item(house, 'x'.repeat(65))), 'error rejection badRequest', 'an identifier that is too long');
  t.equal(await asked({ infoType: oids.revPassphrase }), 'error rejection badRequest', 'none at all');
  t.equal(await asked({ infoType: oids.revPassphrase, infoValue: Buffer.from('0500', 'hex') }), 'error rejection badRequest', 'nonsense');
  t.equal(await asked(item(house, 'lost-a'), certificateOf(device), { pvno: 2 }), 'error rejection badRequest', 'EnvelopedData under pvno 2');
  t.equal(await asked(item(house, 'lost-a'), secretOf()), 'error rejection notAuthorized', 'under a secret that many devices share');
  t.equal(await asked(item(house, 'lost-a'), certificateOf({ key: newKey(), certificate: device.certificate })), 'error rejection badMessageCheck');
  t.equal(gist(await house.askBody(rr(device), secretOf('lost-a', passphrase))), 'error rejection badMessageCheck', 'nothing was kept');
});

t.test('CMP-167 off by default: unsupported in a genm, refused in a header', async (t) => {
  const off = await openHouse();
  const device = await off.enrol('device-1');
  const house = await open();
  const answer = await off.askBody(genm(item(house, 'lost-a')), certificateOf(device), v3);
  t.same(
    itemsIn(answer.body).map(({ infoType }) => infoType),
    [oids.unsupportedOIDs],
  );
  t.equal(
    gist(await off.askBody(genm({ infoType: oids.caCerts }), certificateOf(device), { ...v3, generalInfo: [item(house, 'lost-a')] })),
    'error rejection badRequest',
  );
});
