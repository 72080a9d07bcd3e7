import t from 'tap';
import { buildRequest } from '../../../src/device-client/certificate-wish.js';
import { buildMessage, type CmpCredential, type CmpTransaction } from '../../../src/device-client/cmp-messages.js';
import { type Certificate, parseCertificate, toPem } from '../../../src/pkix/index.js';
import { certHash, crlReasonDetails, encodeNestedContent, encodeSubsequentMessage, type PkiBody, type RequestType } from '../../../src/protocol/cmp/index.js';
import { encode, oids } from '../../../src/protocol/der/index.js';
import { certReqMsg } from './asking.js';
import { type House, openHouse } from './nodes.js';
import { begin, certificateOf, gist, nonce, type ReadReply, secretOf, wish } from './requests.js';
import { type Key, newAuthority, newDevice, newKey } from './stage.js';

const ra = newDevice('RA', newAuthority('RA CA'));
const policy = {
  registrationAuthorities: [{ certificate: toPem('CERTIFICATE', ra.certificate.der), rights: ['nest', 'raVerified', 'enrol', 'revoke'] }],
  possession: { encryptedCertificate: true },
};

interface Enrolled {
  readonly key: Key;
  readonly certificate: Certificate;
  readonly reply: ReadReply;
}

const certificateIn = ({ body }: ReadReply): Certificate => {
  const der = 'content' in body && 'response' in body.content ? body.content.response[0]?.certifiedKeyPair?.certificate : undefined;
  const parsed = parseCertificate(der ?? Buffer.alloc(0));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
};

/** Request, answer, certConf, pkiconf. */
async function enrol(house: House, type: RequestType, credential: CmpCredential, oldCertificate?: Certificate): Promise<Enrolled & { readonly end: string }> {
  const key = newKey();
  const transaction = await begin(credential);
  const asked = wish({ type, ...(oldCertificate && { oldCertificate }) }, key.signer);
  const reply = await house.node().ask(buildRequest(transaction, { senderNonce: nonce() }, asked));
  const certificate = certificateIn(reply);
  return { key, certificate, reply, end: gist(await confirm(house, transaction, reply, certificate, type === 'p10cr' ? -1 : 0)) };
}

function confirm(house: House, transaction: CmpTransaction, reply: ReadReply, certificate: Certificate, certReqId: number): Promise<ReadReply> {
  const hash = certHash(certificate);
  if (!hash.ok) throw new Error(hash.error);
  const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce as Buffer };
  return house.node().ask(buildMessage(transaction, nonces, { type: 'certConf', statuses: [{ certHash: hash.value, certReqId }] }));
}

const send = async (house: House, credential: CmpCredential, body: PkiBody) =>
  house.node().ask(buildMessage(await begin(credential), { senderNonce: nonce() }, body));

t.test(
  'CMP-084 every line of the table of what is supported (RFC 9483 section 7.1), from request to end; keys made here have tests of their own',
  async (t) => {
    const house = await openHouse(policy);
    const first = await enrol(house, 'ir', secretOf());
    t.same([gist(first.reply), first.end], ['ip accepted', 'pkiconf'], 'IR, MAC, CertResp, CertConf');
    const member = certificateOf(first);
    const lines: Partial<Record<RequestType, string>> = { ir: 'ip accepted', cr: 'cp accepted', p10cr: 'cp accepted', kur: 'kup accepted' };
    for (const [type, expected] of Object.entries(lines) as [RequestType, string][]) {
      const { reply, end } = await enrol(house, type, member, type === 'kur' ? first.certificate : undefined);
      t.same([gist(reply), end], [expected, 'pkiconf'], `${type.toUpperCase()}, signature`);
    }
    for (const infoType of [oids.caCerts, oids.rootCaCert, oids.certReqTemplate]) {
      t.match((await send(house, secretOf(), { type: 'genm', items: [{ infoType }] })).body, { type: 'genp' }, `CACerts, RootUpd, ReqTempl: ${infoType}`);
    }
    const other = await enrol(house, 'ir', secretOf());
    const certDetails = { serialNumber: other.certificate.serial, issuer: other.certificate.issuer };
    const rr: PkiBody = { type: 'rr', details: [{ certDetails, crlEntryDetails: crlReasonDetails(4) }] };
    t.match((await send(house, certificateOf(other), rr)).body, { type: 'rp', content: { status: [{ status: 'accepted' }] } }, 'RR');

    const inside = await begin(secretOf());
    const senderNonce = nonce();
    const request = buildRequest(inside, { senderNonce }, wish());
    const outer = await begin(certificateOf(ra), inside.transactionID);
    const forwarded = buildMessage(outer, { senderNonce }, { type: 'nested', content: encodeNestedContent([request]) });
    t.equal(gist(await house.node().ask(forwarded)), 'ip accepted', 'FwdAddS, FwdKeep: the message inside is untouched');
    const second = buildRequest(await begin(secretOf()), { senderNonce: nonce() }, wish());
    const third = buildRequest(await begin(secretOf()), { senderNonce: nonce() }, wish());
    const batch = await send(house, certificateOf(ra), { type: 'nested', content: encodeNestedContent([second, third]) });
    t.match(batch.body, { type: 'nested' }, 'batching');

    const waiting = await openHouse({}, { approval: { mode: 'manual' } });
    const poller = await begin(secretOf());
    const ip = await waiting.node().ask(buildRequest(poller, { senderNonce: nonce() }, wish()));
    t.equal(gist(ip), 'ip waiting');
    const recipNonce = ip.message.header.senderNonce as Buffer;
    const polled = await waiting.node().ask(buildMessage(poller, { senderNonce: nonce(), recipNonce }, { type: 'pollReq', certReqIds: [0] }));
    t.match(polled.body, { type: 'pollRep' }, 'Polling');
  },
);

t.test(
  'CMP-135 a certificate that only the holder of its key can read counts for nothing until it is confirmed: revoked, whatever the profile keeps',
  async (t) => {
    const house = await openHouse({ ...policy, unconfirmed: 'keep' });
    const key = newKey('RSA');
    const popo = { kind: 'keyEncipherment' as const, privKey: encode(encodeSubsequentMessage('encrCert')) };
    const body: PkiBody = { type: 'ir', messages: [certReqMsg(key, { popo })] };
    const reply = await house.node().ask(buildMessage(await begin(), { senderNonce: nonce() }, body, { pvno: 3 }));
    t.equal(gist(reply), 'ip accepted');
    t.same(
      house.orders().map(({ state }) => state),
      ['DELIVERED'],
    );
    house.clock.advance(11 * 60_000);
    await house.run('endConfirmations');
    await house.run('revoke');
    t.same(
      house.orders().map(({ state }) => state),
      ['REVOKED'],
    );
    t.equal(house.ca.revoked.length, 1);
  },
);

t.test('CMP-117 a strict profile has one unconfirmed renewal of a certificate at a time; the old one stays valid until then', async (t) => {
  for (const conduct of ['standard', 'strict'] as const) {
    const house = await openHouse({ ...policy, conduct });
    const ask = async (credential: CmpCredential, type: RequestType, oldCertificate?: Certificate) => {
      const key = newKey();
      const transaction = await begin(credential);
      const asked = wish({ type, ...(oldCertificate && { oldCertificate }) }, key.signer);
      const bytes = buildRequest(transaction, { senderNonce: nonce() }, asked, house.clock.now());
      return { key, transaction, bytes, reply: await house.node().ask(bytes) };
    };
    const end = async ({ transaction, reply }: Awaited<ReturnType<typeof ask>>, certificate: Certificate) => {
      const hash = certHash(certificate);
      if (!hash.ok) throw new Error(hash.error);
      const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce as Buffer };
      const body: PkiBody = { type: 'certConf', statuses: [{ certHash: hash.value, certReqId: 0 }] };
      return gist(await house.node().ask(buildMessage(transaction, nonces, body, { messageTime: house.clock.now() })));
    };
    const first = await ask(secretOf(), 'ir');
    const certificate = certificateIn(first.reply);
    t.equal(await end(first, certificate), 'pkiconf');
    const device = certificateOf({ certificate, key: first.key });
    const renewal = await ask(device, 'kur', certificate);
    t.equal(gist(renewal.reply), 'kup accepted', conduct);
    const second = await ask(device, 'kur', certificate);
    t.equal(gist(second.reply), conduct === 'strict' ? 'kup rejection badRequest' : 'kup accepted', `${conduct}: the certificate renewed is still valid`);
    t.equal(gist(await house.node().ask(renewal.bytes)), 'kup accepted', 'the same renewal over again is no other');
    t.equal(await end(renewal, certificateIn(renewal.reply)), 'pkiconf');
    t.equal(gist((await ask(device, 'kur', certificate)).reply), 'kup rejection certRevoked', `${conduct}: updated once and for all`);
  }
});
