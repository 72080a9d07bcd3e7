import t from 'tap';
import type { CmpCredential } from '../../../src/device-client/cmp-messages.js';
import type { CmpContext } from '../../../src/endpoints/cmp/index.js';
import { directoryName, nameToText, parseCrl, readAlgorithmIdentifier, readGeneralName, toPem, uriName } from '../../../src/pkix/index.js';
import {
  crlStatusItem,
  type InfoTypeAndValue,
  implicitConfirmItem,
  infoValueOf,
  type PkiHeader,
  readCertReqTemplate,
  readLanguageTags,
  readListOf,
  readRootCaKeyUpdate,
  templateExtensions,
} from '../../../src/protocol/cmp/index.js';
import { Cursor, der, encode, oids, tag } from '../../../src/protocol/der/index.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { certificateOf, gist, secretOf } from './requests.js';
import { type House, openHouse } from './residence.js';
import { named, newAuthority, newDevice } from './stage.js';

interface Asking {
  readonly credential?: CmpCredential;
  readonly header?: Partial<PkiHeader>;
  readonly context?: Partial<CmpContext>;
}

async function ask(house: House, items: readonly InfoTypeAndValue[], { credential = secretOf(), header, context }: Asking = {}) {
  return house.askBody({ type: 'genm', items }, credential, header, context);
}

async function answersTo(house: House, items: readonly InfoTypeAndValue[], more: Asking = {}): Promise<readonly InfoTypeAndValue[]> {
  const { body } = await ask(house, items, more);
  if (body.type !== 'genp') throw new Error(JSON.stringify(body));
  return body.items;
}

async function answerTo(house: House, infoType: string, infoValue?: Buffer, more: Asking = {}): Promise<InfoTypeAndValue> {
  const [answer, ...further] = await answersTo(house, [{ infoType, ...(infoValue && { infoValue }) }], more);
  if (answer === undefined || further.length > 0) throw new Error('There must be one answer.');
  return answer;
}

const algorithmOids = (item: InfoTypeAndValue) =>
  infoValueOf(item, (cursor) => readListOf(cursor, readAlgorithmIdentifier)).map(({ oid, parameters }) =>
    parameters?.[0] === tag.oid ? `${oid} ${new Cursor(parameters).oid()}` : oid,
  );
const unsupported = (item: InfoTypeAndValue | undefined) =>
  item?.infoType === oids.unsupportedOIDs ? infoValueOf(item, (cursor) => readListOf(cursor, (one) => one.oid())) : undefined;

t.test('CMP-158 genm is answered by genp: one question, several, or none', async (t) => {
  const house = await openHouse();
  const device = await house.enrol('device-1');
  t.same(await answerTo(house, oids.preferredSymmAlg, undefined, { credential: certificateOf(device) }), await answerTo(house, oids.preferredSymmAlg));
  const several = await answersTo(house, [{ infoType: oids.caCerts }, { infoType: oids.currentCRL }]);
  t.same(
    several.map(({ infoType }) => infoType),
    [oids.caCerts, oids.currentCRL],
    'CMP-158 in the order of the questions',
  );
  const none = await answersTo(house, []);
  t.ok(
    none.some(({ infoType }) => infoType === oids.caCerts),
    'CMP-158 an empty list, as OpenSSL 3.0 sends it, gets what the server likes to tell',
  );
  const many = Array.from({ length: 21 }, () => ({ infoType: oids.caCerts }));
  t.equal(gist(await ask(house, many)), 'error rejection badRequest', 'at most 20');
  const strict = await openHouse({ conduct: 'strict' });
  t.equal(gist(await ask(strict, [])), 'error rejection badRequest', 'CMP-158 exactly one, where RFC 9483 is kept to the letter');
  t.equal(gist(await ask(strict, [{ infoType: oids.caCerts }, { infoType: oids.caCerts }])), 'error rejection badRequest');
  t.equal((await answerTo(strict, oids.caCerts)).infoType, oids.caCerts);
  t.equal(gist(await ask(strict, [{ infoType: oids.caCerts }], { header: { generalInfo: [implicitConfirmItem] } })), 'error rejection badRequest', 'CMP-049');
});

t.test('CMP-074 only those who belong to the profile are answered', async (t) => {
  const house = await openHouse();
  const items = [{ infoType: oids.caCerts }];
  const stranger = certificateOf(newDevice('stranger', newAuthority('Elsewhere')));
  t.equal(gist(await ask(house, items, { credential: stranger })), 'error rejection signerNotTrusted');
  const vendor = newAuthority('Vendor');
  const open = await openHouse({ trustAnchors: [toPem('CERTIFICATE', vendor.certificate.der)], vendorDevices: 'any', crlMissing: 'accept' });
  t.equal((await answersTo(open, items, { credential: certificateOf(newDevice('idevid', vendor)) })).length, 1, "a trusted vendor's device");
  const off = await openHouse({ generalMessages: { serve: false, crls: true, rootUpdate: null } });
  t.equal(gist(await ask(off, items)), 'error rejection badRequest', 'a profile that answers none');
});

t.test('CMP-159 CMP-174 what is not served is named in unsupportedOIDs', async (t) => {
  const house = await openHouse();
  t.same(unsupported(await answerTo(house, '1.2.3.4')), ['1.2.3.4'], 'CMP-159');
  for (const name of ['implicitConfirm', 'confirmWaitTime', 'origPKIMessage', 'certProfile', 'unsupportedOIDs', 'revPassphrase'] as const) {
    t.same(unsupported(await answerTo(house, oids[name])), [oids[name]], `CMP-174 ${name} asks nothing`);
  }
  const mixed = await answersTo(house, [{ infoType: '1.2.3.4' }, { infoType: oids.caCerts }, { infoType: '1.2.3.5' }, { infoType: '1.2.3.4' }]);
  t.equal(mixed[0]?.infoType, oids.caCerts);
  t.same(unsupported(mixed[1]), ['1.2.3.4', '1.2.3.5'], 'CMP-159 all of them at the end, each once');
  const strict = await openHouse({ conduct: 'strict' });
  t.equal(gist(await ask(strict, [{ infoType: '1.2.3.4' }])), 'error rejection badRequest', 'CMP-159 by RFC 9483 an error');
});

t.test('CMP-054 a passphrase for revocation is refused in words: nobody would keep it', async (t) => {
  const house = await openHouse();
  const generalInfo = [{ infoType: oids.revPassphrase, infoValue: der.nullValue() }];
  t.equal(gist(await ask(house, [{ infoType: oids.caCerts }], { header: { generalInfo } })), 'error rejection badRequest');
});

t.test('CMP-175 a value where there must be none, or a malformed one', async (t) => {
  const house = await openHouse();
  const noise = Buffer.from('0403010203', 'hex');
  const valueless = [
    'caProtEncCert',
    'signKeyPairTypes',
    'encKeyPairTypes',
    'preferredSymmAlg',
    'caKeyUpdateInfo',
    'currentCRL',
    'caCerts',
    'certReqTemplate',
  ] as const;
  for (const name of valueless) t.equal(gist(await ask(house, [{ infoType: oids[name], infoValue: noise }])), 'error rejection badRequest', `CMP-175 ${name}`);
  for (const name of ['keyPairParamReq', 'suppLangTags', 'rootCaCert', 'crlStatusList'] as const) {
    t.equal(gist(await ask(house, [{ infoType: oids[name], infoValue: noise }])), 'error rejection badDataFormat', `CMP-175 ${name} malformed`);
  }
  for (const name of ['keyPairParamReq', 'suppLangTags', 'crlStatusList'] as const) {
    t.equal(gist(await ask(house, [{ infoType: oids[name] }])), 'error rejection badDataFormat', `CMP-175 ${name} without the value it needs`);
  }
});

t.test('CMP-161 CMP-162 CMP-163 CMP-166 keys and algorithms of the profile', async (t) => {
  const house = await openHouse();
  const p256 = `${oids.ecPublicKey} ${oids.p256}`;
  const all = [p256, `${oids.ecPublicKey} ${oids.p384}`, `${oids.ecPublicKey} ${oids.p521}`, oids.rsaEncryption, oids.ed25519];
  t.same(algorithmOids(await answerTo(house, oids.signKeyPairTypes)).slice(0, 5), all, 'CMP-161 one id-ecPublicKey for each curve');
  t.same(algorithmOids(await answerTo(house, oids.encKeyPairTypes)), [oids.rsaEncryption], 'CMP-162 by keyUsage');
  const { infoValue } = await answerTo(house, oids.preferredSymmAlg);
  t.equal(readAlgorithmIdentifier(new Cursor(infoValue ?? Buffer.alloc(0))).oid, oids.aes256Cbc, 'CMP-163');
  const keys = { rsaMinBits: 3072, rsaMaxBits: 4096, curves: ['P-256' as const], ed25519: false, reuse: 'allow' as const };
  const certificate = { validityDays: 1, backdateSeconds: 0, keyUsage: ['digitalSignature' as const, 'keyAgreement' as const], extendedKeyUsage: [] };
  const narrow = await openHouse({}, { keys: keys as never, certificate });
  t.same(algorithmOids(await answerTo(narrow, oids.signKeyPairTypes)), [p256, oids.rsaEncryption]);
  t.same(algorithmOids(await answerTo(narrow, oids.encKeyPairTypes)), [p256]);
  const quantum = policySchema.parse({ keys: { postQuantum: true }, cmp: { possession: { encryptedCertificate: true } } });
  const safe = await openHouse({ possession: quantum.cmp.possession }, { keys: quantum.keys });
  t.same(algorithmOids(await answerTo(safe, oids.signKeyPairTypes)).slice(-3), [oids.mlDsa44, oids.mlDsa65, oids.mlDsa87], 'CMP-161 post-quantum');
  t.same(algorithmOids(await answerTo(safe, oids.encKeyPairTypes)).slice(1), [oids.mlKem512, oids.mlKem768, oids.mlKem1024], 'CMP-162 post-quantum');
  const unproven = await openHouse({}, { keys: quantum.keys });
  t.same(algorithmOids(await answerTo(unproven, oids.encKeyPairTypes)), [oids.rsaEncryption], 'CMP-162 no ML-KEM where nothing could prove such a key');
  const mlKem = await answerTo(safe, oids.keyPairParamReq, der.oid(oids.mlKem768));
  t.same(readAlgorithmIdentifier(new Cursor(mlKem.infoValue ?? Buffer.alloc(0))), { oid: oids.mlKem768 }, 'CMP-166 no parameters');
  const param = async (oid: string) => answerTo(house, oids.keyPairParamReq, der.oid(oid));
  const ec = await param(oids.ecPublicKey);
  t.equal(ec.infoType, oids.keyPairParamRep, 'CMP-166');
  t.same(readAlgorithmIdentifier(new Cursor(ec.infoValue ?? Buffer.alloc(0))), { oid: oids.ecPublicKey, parameters: der.oid(oids.p256) });
  t.same(await param('1.2.840.10040.4.1'), { infoType: oids.keyPairParamRep }, 'CMP-166 DSA is not certified: absent');
});

t.test('CMP-168 suppLangTags: exactly one of those offered, English', async (t) => {
  const house = await openHouse();
  const offer = (...texts: string[]) => encode(der.sequence(...texts.map(der.utf8String)));
  const chosen = await answerTo(house, oids.suppLangTags, offer('de', 'en-GB', 'en'));
  t.same(infoValueOf(chosen, readLanguageTags), ['en-GB'], 'CMP-168 the first that is spoken');
  t.equal(gist(await ask(house, [{ infoType: oids.suppLangTags, infoValue: offer('xx', 'eng') }])), 'error rejection badRequest', 'CMP-168 none');
});

t.test('CMP-160 CMP-169 certificates of the CA', async (t) => {
  const house = await openHouse();
  const caCerts = await answerTo(house, oids.caCerts);
  const given = infoValueOf(caCerts, (cursor) => readListOf(cursor, (item) => item.elementOf(tag.sequence)));
  t.same(given, [house.endpoint.caChain[0]?.der], 'CMP-169 the issuing CA, the root left out');
  t.same(await answerTo(house, oids.caProtEncCert), { infoType: oids.caProtEncCert }, 'CMP-160 absent: the key of the RA only signs');
  t.same(await answersTo(house, [{ infoType: oids.caCerts }], { context: { label: 'getcacerts' } }), [caCerts], 'CMP-008 at its label');
  t.equal(gist(await ask(house, [{ infoType: oids.currentCRL }], { context: { label: 'getcacerts' } })), 'error rejection badRequest', 'CMP-011 another at it');
});

t.test('CMP-170 CMP-164 a new root', async (t) => {
  const house = await openHouse();
  const old = house.endpoint.caChain.at(-1)?.der;
  t.same(await answerTo(house, oids.rootCaCert, old), { infoType: oids.rootCaKeyUpdate }, 'CMP-170 absent while the root stays');
  t.same(await answerTo(house, oids.caKeyUpdateInfo), { infoType: oids.caKeyUpdateInfo }, 'CMP-164');
  const [newWithNew, newWithOld, oldWithNew] = [newAuthority('New Root'), newAuthority('New Root'), newAuthority('Old Root')].map(
    ({ certificate }) => certificate.der,
  );
  const pem = (bytes: Buffer | undefined) => toPem('CERTIFICATE', bytes ?? Buffer.alloc(0));
  const rootUpdate = { newWithNew: pem(newWithNew), newWithOld: pem(newWithOld), oldWithNew: pem(oldWithNew) };
  const rolling = await openHouse({ generalMessages: { serve: true, crls: true, rootUpdate } });
  for (const value of [undefined, old]) {
    const update = await answerTo(rolling, oids.rootCaCert, value);
    t.equal(update.infoType, oids.rootCaKeyUpdate);
    t.same(infoValueOf(update, readRootCaKeyUpdate), { newWithNew, newWithOld, oldWithNew }, 'CMP-170 with newWithOld');
  }
  t.same(await answerTo(rolling, oids.rootCaCert, newWithNew), { infoType: oids.rootCaKeyUpdate }, 'CMP-170 who has the new root needs nothing');
  const deprecated = await answerTo(rolling, oids.caKeyUpdateInfo);
  const three = infoValueOf(deprecated, (cursor) => cursor.sequence().each((item) => item.elementOf(tag.sequence)));
  t.same(three, [oldWithNew, newWithOld, newWithNew], 'CMP-164 with pvno 2');
  t.same(
    unsupported(await answerTo(rolling, oids.caKeyUpdateInfo, undefined, { header: { pvno: 3 } })),
    [oids.caKeyUpdateInfo],
    'CMP-164 deprecated with pvno 3',
  );
});

t.test('CMP-171 what a request should look like', async (t) => {
  const names = { subject: { template: 'CN={CN},O=Acme', allow: null } };
  const house = await openHouse({}, { names: names as never });
  const { certTemplate, keySpec = [] } = infoValueOf(await answerTo(house, oids.certReqTemplate), readCertReqTemplate);
  t.match(certTemplate.subject && nameToText(certTemplate.subject), /O=Acme/, 'CMP-171 the fixed part of the subject');
  t.match(certTemplate.subject && nameToText(certTemplate.subject), /CN=(,|$|\+)/, 'CMP-171 and an empty place for the other');
  for (const field of ['publicKey', 'serialNumber', 'signingAlg', 'issuerUID', 'subjectUID'] as const) t.notOk(field in certTemplate, `CMP-171 no ${field}`);
  const extensions = templateExtensions(certTemplate);
  t.same(extensions.ok && extensions.value.map(({ oid }) => oid), [oids.keyUsage, oids.extKeyUsage]);
  const kinds = keySpec.map(({ type }) => type);
  t.same(kinds.slice(0, 2), [oids.rsaKeyLenCtrl, oids.algIdCtrl], 'CMP-171 keySpec');
  t.same(keySpec[0]?.value, der.integer(2048));
  t.same(infoValueOf(await answerTo(await openHouse(), oids.certReqTemplate), readCertReqTemplate).certTemplate.subject, undefined, 'any subject');
});

t.test('CMP-165 CMP-172 CMP-214 CRLs', async (t) => {
  const house = await openHouse();
  const crl = await answerTo(house, oids.currentCRL);
  const parsed = parseCrl(crl.infoValue ?? Buffer.alloc(0));
  if (!parsed.ok) throw parsed.error;
  t.equal(nameToText(parsed.value.issuer), nameToText(house.endpoint.caChain[0]?.subject ?? named('')), 'CMP-165');
  const { thisUpdate } = parsed.value;
  const issuerOf = (name = house.endpoint.caChain[0]?.subject ?? named('')) => [readGeneralName(new Cursor(encode(directoryName(name))))];
  const crlsFor = async (status: Parameters<typeof crlStatusItem>[0]) => answerTo(house, oids.crlStatusList, crlStatusItem(status).infoValue);
  const known = { source: 'issuer' as const, names: issuerOf() };
  const whole = { infoType: oids.crls, infoValue: encode(der.sequence(crl.infoValue)) };
  const none = { infoType: oids.crls };
  t.same(await crlsFor(known), whole, 'CMP-172 without thisUpdate');
  t.same(await crlsFor({ ...known, thisUpdate: new Date(thisUpdate.getTime() - 1000) }), whole, 'CMP-172 an older one');
  t.same(await crlsFor({ ...known, thisUpdate }), none, 'CMP-172 the same');
  t.same(await crlsFor({ ...known, thisUpdate: new Date(thisUpdate.getTime() + 86_400_000) }), none, 'CMP-172 a newer one');
  t.same(await crlsFor({ source: 'issuer', names: issuerOf(named('Other CA')) }), none, 'CMP-172 of another CA');
  t.same(await crlsFor({ source: 'dpn', names: [uriName('http://127.0.0.1:1/pki/issuing.crl')] }), whole, 'CMP-172 by distribution point');
  t.same(await crlsFor({ source: 'dpn', names: [uriName('http://127.0.0.1:1/evil')] }), none, 'CMP-214 another one is compared, never fetched');
  const { infoValue } = crlStatusItem(known);
  const [one] = new Cursor(infoValue ?? Buffer.alloc(0)).sequence().each((item) => item.element());
  t.equal(
    gist(await ask(house, [{ infoType: oids.crlStatusList, infoValue: encode(der.sequence(one, one)) }])),
    'error rejection badRequest',
    'CMP-172 exactly one',
  );
  const twice = [{ infoType: oids.currentCRL }, { infoType: oids.crlStatusList, ...(infoValue && { infoValue }) }];
  t.equal(gist(await ask(house, twice)), 'error rejection badRequest', 'CMP-212 one list in one answer, which may have megabytes');
  t.equal(gist(await ask(house, [{ infoType: oids.currentCRL }, { infoType: oids.caCerts }])), 'genp', 'beside other answers');
  const closed = await openHouse({ generalMessages: { serve: true, crls: false, rootUpdate: null } });
  t.equal(gist(await ask(closed, [{ infoType: oids.currentCRL }])), 'error rejection addInfoNotAvailable', 'CMP-165 none is given');
  t.same(await answerTo(closed, oids.crlStatusList, infoValue), none);
});

t.test('CMP-176 the transaction ends with genp', async (t) => {
  const house = await openHouse();
  const reply = await ask(house, [{ infoType: oids.caCerts }]);
  const { transactionID, senderNonce } = reply.message.header;
  const header = { ...(transactionID && { transactionID }), ...(senderNonce && { recipNonce: senderNonce }) };
  t.equal(gist(await house.askBody({ type: 'certConf', statuses: [] }, secretOf(), header)), 'error rejection badRequest');
});
