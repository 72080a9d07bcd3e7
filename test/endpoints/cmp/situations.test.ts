import { randomBytes } from 'node:crypto';
import t from 'tap';
import { buildMessage, type CmpCredential, type CmpTransaction } from '../../../src/device-client/cmp-messages.js';
import { basicConstraintsExtension, keyUsageExtension, parseCertificate, toPem } from '../../../src/pkix/index.js';
import {
  type AttributeTypeAndValue,
  buildCertRequest,
  type CertReqMsg,
  type CertTemplate,
  certHash,
  certProfileItem,
  crlReasonDetails,
  encodeNestedContent,
  encodePkiMessage,
  encodeTemplateExtensions,
  implicitConfirmItem,
  oldCertIdControl,
  type PkiBody,
  type PkiHeader,
  pbmParameters,
  provePossession,
} from '../../../src/protocol/cmp/index.js';
import { der, encode, oids } from '../../../src/protocol/der/index.js';
import { asGeneralName, begin, certificateOf, nonce, readReply, secretOf } from './requests.js';
import { type House, openHouse, type Resident } from './residence.js';
import { named, newAuthority, newDevice, newKey, reference } from './stage.js';

const key = newKey();

interface RequestFields {
  readonly template?: Partial<CertTemplate>;
  readonly controls?: readonly AttributeTypeAndValue[];
  readonly certReqId?: number;
  readonly popo?: CertReqMsg['popo'] | null;
}

function certReqMsg({ template = {}, controls, certReqId = 0, popo }: RequestFields = {}): CertReqMsg {
  const certTemplate = { subject: named('device-1'), publicKey: key.signer.publicKey.spki, ...template };
  const certReq = buildCertRequest({ certReqId, certTemplate, ...(controls && { controls }) });
  if (popo === null) return { certReq };
  return { certReq, popo: popo ?? provePossession(certReq, key.signer) };
}

const request = (type: 'ir' | 'cr' | 'kur', fields: RequestFields = {}): PkiBody => ({ type, messages: [certReqMsg(fields)] });

/** A message of a device: fresh transaction, fresh nonce, unless said otherwise. */
async function message(body: PkiBody, header: Partial<PkiHeader> = {}, credential: CmpCredential = secretOf(), transactionID?: Buffer): Promise<Buffer> {
  return buildMessage(await begin(credential, transactionID), { senderNonce: nonce() }, body, header);
}

async function forged(credential: CmpCredential): Promise<Buffer> {
  const transaction = await begin(credential);
  return buildMessage({ ...transaction, protector: { ...transaction.protector, protect: () => randomBytes(32) } }, { senderNonce: nonce() }, request('ir'));
}

async function protectedAs(header: Partial<PkiHeader>, protection?: Buffer): Promise<Buffer> {
  const { message: sent, body } = readReply(await message(request('ir')));
  const { protectionAlg: _alg, senderKID: _kid, ...bare } = sent.header;
  return encodePkiMessage({ header: bare, body }, protection && { header, protect: () => protection });
}

const implicit = { generalInfo: [implicitConfirmItem] };
type Situation = readonly [situation: string, expected: string, act: (house: House) => Promise<string>];

/** A certificate that awaits its confirmation. */
async function awaiting(house: House, credential: CmpCredential = secretOf()) {
  const transaction = await begin(credential);
  const reply = await house.ask(buildMessage(transaction, { senderNonce: nonce() }, request('ir')));
  const { body } = reply;
  const certificate = 'content' in body && 'response' in body.content ? body.content.response[0]?.certifiedKeyPair?.certificate : undefined;
  const parsed = parseCertificate(certificate ?? Buffer.alloc(0));
  if (!parsed.ok) throw new Error(JSON.stringify(body));
  const hash = certHash(parsed.value);
  if (!hash.ok) throw new Error(hash.error);
  const recipNonce = reply.message.header.senderNonce ?? Buffer.alloc(0);
  const status = { certHash: hash.value, certReqId: 0 };
  const confirm = (statuses: Extract<PkiBody, { type: 'certConf' }>['statuses'] = [status], more: Partial<PkiHeader> = {}, by: CmpTransaction = transaction) =>
    house.post(buildMessage(by, { senderNonce: nonce(), recipNonce }, { type: 'certConf', statuses }, more));
  return { transaction, status, confirm };
}

const rr = ({ certificate }: Resident, fields: { readonly reason?: number; readonly template?: CertTemplate; readonly entry?: Buffer } = {}): PkiBody => {
  const certDetails = fields.template ?? { serialNumber: certificate.serial, issuer: certificate.issuer };
  const crlEntryDetails = fields.entry ?? (fields.reason === undefined ? undefined : crlReasonDetails(fields.reason));
  return { type: 'rr', details: [{ certDetails, ...(crlEntryDetails && { crlEntryDetails }) }] };
};

async function kur(house: House, device: Resident, fields: RequestFields = {}): Promise<string> {
  const old = { issuer: asGeneralName(device.certificate.issuer), serialNumber: device.certificate.serial };
  const subject = device.certificate.subject;
  return house.post(
    await message(request('kur', { controls: [oldCertIdControl(old)], ...fields, template: { subject, ...fields.template } }), implicit, certificateOf(device)),
  );
}

const fails = (error: Error) => async () => Promise.reject(error);

/** What a device finds in every situation: HTTP status, body, PKIStatus, failInfo. */
const situations: readonly Situation[] = [
  ['wrong method', '405', (house) => house.post(Buffer.alloc(0), '/cmp/demo', { method: 'GET' })],
  ['wrong media type', '415', (house) => house.post(Buffer.of(0x30, 0), '/cmp/demo', { type: 'text/plain' })],
  ['too large', '413', (house) => house.post(Buffer.alloc(2_000_000))],
  ['unknown profile path', '404', (house) => house.post(Buffer.of(0x30, 0), '/cmp/nosuch')],
  ['not DER at all', '200 error rejection badDataFormat', (house) => house.post(randomBytes(100))],
  ['DER but no PKIMessage', '200 error rejection badDataFormat', (house) => house.post(encode(der.sequence(der.integer(1))))],
  ['pvno not 2 or 3', '200 error rejection unsupportedVersion', async (house) => house.post(await message(request('ir'), { pvno: 4 }))],
  [
    'transactionID missing',
    '200 error rejection badDataFormat',
    async (house) => house.post(await message(request('ir'), { transactionID: undefined } as never)),
  ],
  [
    'transactionID active elsewhere',
    '200 error rejection transactionIdInUse',
    async (house) => {
      const { transaction } = await awaiting(house);
      return house.post(await message(request('ir'), {}, secretOf(), transaction.transactionID));
    },
  ],
  ['body type unsupported', '200 error rejection badRequest', async (house) => house.post(await message({ type: 'krr', content: Buffer.from('3000', 'hex') }))],
  ['body type wrong in state', '200 error rejection badRequest', async (house) => house.post(await message({ type: 'certConf', statuses: [] }))],
  ['body type does not fit the path label', '200 error rejection badRequest', async (house) => house.post(await message(request('ir')), '/cmp/demo/keyupdate')],
  ['an announcement', '400', async (house) => house.post(await message({ type: 'crlann', content: Buffer.from('3000', 'hex') }))],
  ['senderNonce missing', '200 error rejection badSenderNonce', async (house) => house.post(await message(request('ir'), { senderNonce: undefined } as never))],
  ['senderNonce short', '200 error rejection badSenderNonce', async (house) => house.post(await message(request('ir'), { senderNonce: Buffer.alloc(4) }))],
  [
    'senderNonce reused',
    '200 error rejection badSenderNonce',
    async (house) => {
      const transaction = await begin();
      const first = await house.ask(buildMessage(transaction, { senderNonce: Buffer.alloc(16, 7) }, request('ir')));
      const recipNonce = first.message.header.senderNonce ?? Buffer.alloc(0);
      return house.post(buildMessage(transaction, { senderNonce: Buffer.alloc(16, 7), recipNonce }, { type: 'certConf', statuses: [] }));
    },
  ],
  ['recipNonce wrong', '200 error rejection badRecipientNonce', async (house) => (await awaiting(house)).confirm(undefined, { recipNonce: nonce() })],
  [
    'recipNonce missing',
    '200 error rejection badRecipientNonce',
    async (house) => (await awaiting(house)).confirm(undefined, { recipNonce: undefined } as never),
  ],
  [
    'recipNonce in the first message',
    '200 error rejection badRecipientNonce',
    async (house) => house.post(await message(request('ir'), { recipNonce: nonce() })),
  ],
  ['messageTime outside the window', '200 error rejection badTime', async (house) => house.post(await message(request('ir'), { messageTime: new Date(0) }))],
  ['protection missing', '200 error rejection badMessageCheck', async (house) => house.post(await protectedAs({}))],
  ['protection without protectionAlg', '200 error rejection badMessageCheck', async (house) => house.post(await protectedAs({}, Buffer.alloc(20)))],
  [
    'wrong MAC',
    '200 error rejection badMessageCheck',
    async (house) => house.post(await message(request('ir'), {}, secretOf(reference, Buffer.from('wrong')))),
  ],
  ['wrong signature', '200 error rejection badMessageCheck', async (house) => house.post(await forged(certificateOf(await house.enrol('device-1'))))],
  [
    'protection algorithm unknown',
    '200 error rejection badAlg',
    async (house) => house.post(await protectedAs({ protectionAlg: { oid: '1.2.3.4' } }, Buffer.alloc(20))),
  ],
  [
    'PBM parameters out of bounds',
    '200 error rejection badAlg',
    async (house) => {
      const { algorithm } = pbmParameters({ salt: nonce(), owf: 'sha256', iterationCount: 99, mac: 'sha256' });
      return house.post(await protectedAs({ protectionAlg: algorithm }, Buffer.alloc(32)));
    },
  ],
  ['MAC where a signature is required: kur', '200 error rejection wrongIntegrity', async (house) => house.post(await message(request('kur')))],
  [
    'MAC where a signature is required: rr',
    '200 error rejection wrongIntegrity',
    async (house) => house.post(await message(rr(await house.enrol('device-1')))),
  ],
  [
    'MAC where the profile takes signatures only',
    '200 error rejection wrongIntegrity',
    async () => (await openHouse({ protection: ['signature'] })).post(await message(request('ir'))),
  ],
  [
    'signature where the profile takes MACs only',
    '200 error rejection wrongIntegrity',
    async () => {
      const house = await openHouse({ protection: ['mac'] });
      return house.post(await message(request('cr'), {}, certificateOf(await house.enrol('device-1'))));
    },
  ],
  [
    'signature after a MAC in one transaction (CMP-059)',
    '200 error rejection wrongIntegrity',
    async (house) => {
      const { transaction, confirm } = await awaiting(house);
      return confirm(undefined, {}, await begin(certificateOf(await house.enrol('device-2')), transaction.transactionID));
    },
  ],
  [
    'MAC after a signature in one transaction (CMP-059)',
    '200 error rejection wrongIntegrity',
    async (house) => {
      const { transaction, confirm } = await awaiting(house, certificateOf(await house.enrol('device-2')));
      return confirm(undefined, {}, await begin(secretOf(), transaction.transactionID));
    },
  ],
  [
    'another certificate in one transaction (CMP-059)',
    '200 error rejection badMessageCheck',
    async (house) => {
      const { transaction, confirm } = await awaiting(house, certificateOf(await house.enrol('device-2')));
      return confirm(undefined, {}, await begin(certificateOf(await house.enrol('device-3')), transaction.transactionID));
    },
  ],
  [
    'another secret in one transaction (CMP-059)',
    '200 error rejection badMessageCheck',
    async (house) => {
      const { transaction, confirm } = await awaiting(house);
      return confirm(undefined, {}, await begin(secretOf('other'), transaction.transactionID));
    },
  ],
  [
    'sender does not fit the key',
    '200 error rejection badMessageCheck',
    async (house) => house.post(await message(request('cr'), { sender: asGeneralName(named('other')) }, certificateOf(await house.enrol('device-1')))),
  ],
  [
    'chain to no anchor',
    '200 error rejection signerNotTrusted',
    async (house) => house.post(await message(request('ir'), {}, certificateOf(newDevice('stranger', newAuthority('Elsewhere'))))),
  ],
  [
    'keyUsage without digitalSignature',
    '200 error rejection signerNotTrusted',
    async (house) => {
      const authority = newAuthority('Elsewhere');
      return house.post(await message(request('ir'), {}, certificateOf(newDevice('enc', authority, newKey(), keyUsageExtension(['keyEncipherment'])))));
    },
  ],
  [
    'protection certificate revoked',
    '200 cp rejection certRevoked',
    async (house) => {
      const device = await house.enrol('device-1');
      await house.askBody(rr(device), certificateOf(device));
      return house.post(await message(request('cr'), {}, certificateOf(device)));
    },
  ],
  [
    'sender not allowed this operation: cr by a vendor certificate',
    '200 cp rejection notAuthorized',
    async () => {
      const vendor = newAuthority('Vendor');
      const house = await openHouse({ trustAnchors: [toPem('CERTIFICATE', vendor.certificate.der)], vendorDevices: 'any', crlMissing: 'accept' });
      return house.post(await message(request('cr'), {}, certificateOf(newDevice('idevid', vendor))));
    },
  ],
  [
    'sender not allowed this operation: rr for another device',
    '200 rp rejection notAuthorized',
    async (house) => house.post(await message(rr(await house.enrol('device-2')), {}, certificateOf(await house.enrol('device-1')))),
  ],
  ['proof of possession missing', '200 ip rejection badPOP', async (house) => house.post(await message(request('ir', { popo: null })))],
  ['raVerified from no RA', '200 ip rejection notAuthorized', async (house) => house.post(await message(request('ir', { popo: { kind: 'raVerified' } })))],
  [
    'template without a subject',
    '200 ip rejection badCertTemplate',
    async (house) => house.post(await message(request('ir', { template: { subject: undefined } as never }))),
  ],
  ['template of another version', '200 ip rejection badCertTemplate', async (house) => house.post(await message(request('ir', { template: { version: 0 } })))],
  [
    'template asks for a CA certificate',
    '200 ip rejection notAuthorized',
    async (house) =>
      house.post(await message(request('ir', { template: { extensions: encodeTemplateExtensions([basicConstraintsExtension({ ca: true })]) } }))),
  ],
  [
    'more than one CertReqMsg',
    '200 ip rejection badRequest',
    async (house) => house.post(await message({ type: 'ir', messages: [certReqMsg(), certReqMsg({ certReqId: 1 })] })),
  ],
  ['wrong certReqId', '200 ip rejection badRequest', async (house) => house.post(await message(request('ir', { certReqId: 5 })))],
  [
    'certProfile unknown',
    '200 ip rejection badRequest',
    async (house) => house.post(await message(request('ir'), { generalInfo: [certProfileItem('nosuch')] })),
  ],
  [
    'kur: oldCertID is not the signer',
    '200 kup rejection badCertId',
    async (house) => {
      const old = { issuer: asGeneralName(named('other')), serialNumber: Buffer.of(5) };
      return kur(house, await house.enrol('device-1'), { controls: [oldCertIdControl(old)] });
    },
  ],
  [
    'kur: already updated',
    '200 kup rejection certRevoked',
    async (house) => {
      const device = await house.enrol('device-1');
      await kur(house, device);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return kur(house, device);
    },
  ],
  [
    'kur: certificate revoked',
    '200 kup rejection certRevoked',
    async (house) => {
      const device = await house.enrol('device-1');
      await house.askBody(rr(device), certificateOf(device));
      return kur(house, device);
    },
  ],
  [
    'issuer asked for is not ours',
    '200 ip rejection wrongAuthority',
    async (house) => house.post(await message(request('ir', { template: { issuer: named('Other CA') } }))),
  ],
  [
    'CA changed the request',
    '200 ip grantedWithMods',
    async (house) => house.post(await message(request('ir', { template: { validity: { notAfter: new Date(Date.now() + 50 * 365 * 86_400_000) } } }))),
  ],
  ['issued as asked', '200 ip accepted', async (house) => house.post(await message(request('ir')))],
  [
    'the CA needs approval',
    '200 ip waiting',
    async () =>
      (await openHouse({}, { approval: { mode: 'manual', approvers: 1, notEditors: false, maxPendingHours: 1, maxPending: 100 } })).post(
        await message(request('ir')),
      ),
  ],
  [
    'the CA needs time: rr',
    '200 error waiting',
    async (house) => {
      const device = await house.enrol('device-1');
      house.mood.revocations = 'The CA is away.';
      return house.post(await message(rr(device), {}, certificateOf(device)));
    },
  ],
  [
    'our database is away',
    '200 error rejection systemUnavail',
    async (house) => {
      const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      Object.assign(house.core, { orders: { ...house.core.orders, settleIssued: fails(away), record: fails(away), findTransaction: fails(away) } });
      return house.post(await message(request('ir')));
    },
  ],
  [
    'unexpected exception',
    '200 error rejection systemFailure',
    async (house) => {
      const odd = new Error('The database holds nonsense.');
      Object.assign(house.core, { orders: { ...house.core.orders, settleIssued: fails(odd), record: fails(odd), findTransaction: fails(odd) } });
      return house.post(await message(request('ir')));
    },
  ],
  [
    'certConf: hash of no issued certificate',
    '200 error rejection badCertId',
    async (house) => (await awaiting(house)).confirm([{ certHash: randomBytes(32), certReqId: 0 }]),
  ],
  [
    'certConf: wrong certReqId',
    '200 error rejection badRequest',
    async (house) => {
      const { status, confirm } = await awaiting(house);
      return confirm([{ ...status, certReqId: 7 }]);
    },
  ],
  [
    'certConf repeated at once',
    '200 pkiconf',
    async (house) => {
      const { confirm } = await awaiting(house);
      await confirm();
      return confirm();
    },
  ],
  [
    'pollReq for an unknown transaction',
    '200 error rejection badRequest',
    async (house) => house.post(await message({ type: 'pollReq', certReqIds: [0] }, { recipNonce: nonce() })),
  ],
  [
    'rr: certificate unknown',
    '200 rp rejection badCertId',
    async (house) => rrOf(house, { template: { serialNumber: Buffer.of(5), issuer: named('Other CA') } }),
  ],
  ['rr: issuer or serial missing', '200 rp rejection addInfoNotAvailable', async (house) => rrOf(house, { template: {} })],
  [
    'rr: already revoked',
    '200 rp rejection certRevoked',
    async (house) => {
      const device = await house.enrol('device-1');
      await house.askBody(rr(device), certificateOf(device));
      return house.post(await message(rr(device), {}, certificateOf(device)));
    },
  ],
  ['rr: reason unknown', '200 rp rejection badDataFormat', async (house) => rrOf(house, { reason: 99 })],
  [
    'rr: reason doubled',
    '200 rp rejection badRequest',
    async (house) => {
      const [one] = [crlReasonDetails(1).subarray(2)];
      return rrOf(house, { entry: encode(der.sequence(one, one)) });
    },
  ],
  ['rr: done', '200 rp accepted', async (house) => rrOf(house, { reason: 1 })],
  [
    'genm: value not allowed',
    '200 error rejection badRequest',
    async (house) => house.post(await message({ type: 'genm', items: [{ infoType: oids.caCerts, infoValue: der.nullValue() }] })),
  ],
  [
    'genm: none of the languages',
    '200 error rejection badRequest',
    async (house) =>
      house.post(await message({ type: 'genm', items: [{ infoType: oids.suppLangTags, infoValue: encode(der.sequence(der.utf8String('xx'))) }] })),
  ],
  [
    'genm: information not available',
    '200 error rejection addInfoNotAvailable',
    async () => {
      const house = await openHouse({ generalMessages: { serve: true, crls: false, rootUpdate: null } });
      return house.post(await message({ type: 'genm', items: [{ infoType: oids.currentCRL }] }));
    },
  ],
  [
    'genm: sender not trusted',
    '200 error rejection signerNotTrusted',
    async (house) => house.post(await message({ type: 'genm', items: [] }, {}, certificateOf(newDevice('stranger', newAuthority('Elsewhere'))))),
  ],
  [
    'nested: outer MAC',
    '200 error rejection wrongIntegrity',
    async (house) => house.post(await message({ type: 'nested', content: encodeNestedContent([await message(request('ir'))]) })),
  ],
  ['nested: outer senderNonce is another', '200 error rejection badSenderNonce', (house) => nested(house, {})],
  ['nested: outer transactionID is another', '200 error rejection badRequest', (house) => nested(house, { transactionID: nonce() })],
];

async function rrOf(house: House, fields: Parameters<typeof rr>[1]): Promise<string> {
  const device = await house.enrol('device-1');
  return house.post(await message(rr(device, fields), {}, certificateOf(device)));
}

/** Added protection by an RA of the profile; what the outer header says beside the transactionID of the inner one. */
async function nested(_house: House, header: Partial<PkiHeader>): Promise<string> {
  const authority = newAuthority('RA Authority');
  const ra = newDevice('RA', authority);
  const registered = { certificate: toPem('CERTIFICATE', ra.certificate.der), rights: ['nest' as const] };
  const house = await openHouse({ registrationAuthorities: [registered] });
  const inner = await message(request('ir'));
  const { transactionID } = readReply(inner).message.header;
  const outer = { ...(transactionID && { transactionID }), ...header };
  return house.post(await message({ type: 'nested', content: encodeNestedContent([inner]) }, outer, certificateOf(ra)));
}

t.test('every situation has its body, PKIStatus, failInfo and HTTP status (CMP-004, CMP-085, CMP-086, CMP-131, CMP-189)', async (t) => {
  for (const [situation, expected, act] of situations) t.equal(await act(await openHouse()), expected, situation);
  t.equal(new Set(situations.map(([situation]) => situation)).size, situations.length, 'each once');
});
