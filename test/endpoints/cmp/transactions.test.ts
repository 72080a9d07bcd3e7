import { randomBytes } from 'node:crypto';
import t from 'tap';
import { buildMessage, type CmpTransaction, protectorOf } from '../../../src/device-client/cmp-messages.js';
import { dedupeKeyOf } from '../../../src/enrolment/new-order.js';
import { parseCertificate, toPem } from '../../../src/pkix/index.js';
import {
  buildCertRequest,
  type CertReqMsg,
  type CertResponse,
  type CertStatus,
  certHash,
  decodePkiMessage,
  encodePkiBody,
  encodePkiMessage,
  implicitConfirmItem,
  type PkiBody,
  type PkiHeader,
  provePossession,
} from '../../../src/protocol/cmp/index.js';
import { Cursor, encode, oids } from '../../../src/protocol/der/index.js';
import { tenantContext } from '../../../src/tenancy/context.js';
import { type House, type Node, openHouse } from './nodes.js';
import { begin, certificateOf, gist, nonce, type ReadReply, secretOf } from './requests.js';
import { newDevice as deviceOf, type Key, named, newAuthority, newKey } from './stage.js';

const minute = 60_000;
const key = newKey();

function certReqMsg(certReqId = 0, { signer }: Key = key, subject = `device-${certReqId}`): CertReqMsg {
  const certReq = buildCertRequest({ certReqId, certTemplate: { subject: named(subject), publicKey: signer.publicKey.spki } });
  return { certReq, popo: provePossession(certReq, signer) };
}

/** A device in the middle of one transaction: it repeats the server's nonces as it should. */
class Device {
  readonly transaction: CmpTransaction;
  last: ReadReply | undefined;
  sent: Buffer = Buffer.alloc(0);

  constructor(transaction: CmpTransaction) {
    this.transaction = transaction;
  }

  async send(node: Node, body: PkiBody, header: Partial<PkiHeader> = {}): Promise<ReadReply> {
    const recipNonce = this.last?.message.header.senderNonce;
    this.sent = buildMessage(this.transaction, { senderNonce: nonce(), ...(recipNonce && { recipNonce }) }, body, header);
    const reply = await node.ask(this.sent);
    if (reply.body.type !== 'error' && reply.body.type !== 'pkiconf') this.last = reply;
    return reply;
  }

  again(node: Node): Promise<ReadReply> {
    return node.ask(this.sent);
  }

  poll(node: Node, ...certReqIds: number[]): Promise<ReadReply> {
    return this.send(node, { type: 'pollReq', certReqIds: certReqIds.length > 0 ? certReqIds : [0] });
  }

  certConf(node: Node, statuses: readonly CertStatus[] = this.statuses()): Promise<ReadReply> {
    return this.send(node, { type: 'certConf', statuses });
  }

  responses(): readonly CertResponse[] {
    const body = this.last?.body;
    return body !== undefined && 'content' in body && 'response' in body.content ? body.content.response : [];
  }

  statuses(): readonly CertStatus[] {
    return this.responses().flatMap(({ certReqId, certifiedKeyPair }) => {
      const certificate = parseCertificate(certifiedKeyPair?.certificate ?? Buffer.alloc(0));
      const hash = certificate.ok ? certHash(certificate.value) : undefined;
      return hash?.ok ? [{ certReqId, certHash: hash.value }] : [];
    });
  }
}

const newDevice = async (credential = secretOf()) => new Device(await begin(credential));
const ir = (...messages: CertReqMsg[]): PkiBody => ({ type: 'ir', messages: messages.length > 0 ? messages : [certReqMsg()] });
const states = (house: House) => house.orders().map(({ state }) => state);

function confirmUntil({ message }: ReadReply): Date | undefined {
  const item = message.header.generalInfo?.find(({ infoType }) => infoType === oids.confirmWaitTime);
  return item?.infoValue && new Cursor(item.infoValue).generalizedTime();
}

t.test('confirmations', async (t) => {
  t.test('CMP-050 CMP-129 a certificate that is not confirmed by the time named is revoked at the CA, and a late certConf refused', async (t) => {
    const house = await openHouse({ confirmWaitSeconds: 600 });
    const device = await newDevice();
    const node = house.node();
    const ip = await device.send(node, ir());
    t.equal(confirmUntil(ip)?.getTime(), Math.floor(house.clock.now().getTime() / 1000) * 1000 + 10 * minute);
    house.clock.advance(10 * minute - 1_000);
    await house.run('endConfirmations');
    t.same(states(house), ['DELIVERED']);
    house.clock.advance(2_000);
    t.equal(gist(await device.certConf(node)), 'error rejection badRequest', 'too late, also before anyone has looked');
    await house.run('endConfirmations');
    t.same(states(house), ['REVOKE_WANTED']);
    await house.run('revoke');
    t.same(states(house), ['REVOKED']);
    t.same(
      house.ca.revoked.map(({ certificate }) => certificate),
      house.ca.refs.flatMap((ref) => house.ca.certificatesOf(ref)),
    );
    t.equal(gist(await device.certConf(node)), 'error rejection badRequest');
  });

  t.test('CMP-129 by profile such a certificate is kept, and its order says so', async (t) => {
    const house = await openHouse({ unconfirmed: 'keep' });
    const device = await newDevice();
    await device.send(house.node(), ir());
    house.clock.advance(11 * minute);
    await house.run('endConfirmations');
    await house.run('revoke');
    t.same(states(house), ['DELIVERED']);
    t.equal(house.ca.calls.revoke, 0);
    t.equal(gist(await device.certConf(house.node())), 'error rejection badRequest', 'the transaction is closed all the same');
  });

  t.test('CMP-127 a refused certificate is revoked at the CA, or kept and noted, as the profile says', async (t) => {
    for (const [unconfirmed, state, calls] of [
      ['revoke', 'REVOKED', 1],
      ['keep', 'DELIVERED', 0],
    ] as const) {
      const house = await openHouse({ unconfirmed });
      const device = await newDevice();
      await device.send(house.node(), ir());
      const statuses = device.statuses().map((status) => ({ ...status, statusInfo: { status: 'rejection' as const } }));
      t.equal(gist(await device.certConf(house.node(), statuses)), 'pkiconf', unconfirmed);
      t.equal(gist(await device.again(house.node())), 'pkiconf', `${unconfirmed}: the same again`);
      await house.run('revoke');
      t.same(states(house), [state]);
      t.equal(house.ca.calls.revoke, calls);
      t.equal(house.events.includes('order.unconfirmed'), unconfirmed === 'keep');
    }
  });

  t.test('CMP-125 CMP-131 a wrong hash is an error; the certificate stays unconfirmed and falls to the deadline', async (t) => {
    const house = await openHouse();
    const device = await newDevice();
    await device.send(house.node(), ir());
    const wrong = device.statuses().map((status) => ({ ...status, certHash: randomBytes(32) }));
    t.equal(gist(await device.certConf(house.node(), wrong)), 'error rejection badCertId');
    t.same(states(house), ['DELIVERED']);
    house.clock.advance(11 * minute);
    await house.run('endConfirmations');
    t.same(states(house), ['REVOKE_WANTED']);
  });

  t.test('CMP-219 a confirmation and the end of its time, at once: one of them counts', async (t) => {
    const house = await openHouse();
    const device = await newDevice();
    await device.send(house.node(), ir());
    house.clock.advance(10 * minute);
    const [reply] = await Promise.all([device.certConf(house.node()), house.run('endConfirmations')]);
    t.equal(gist(reply), 'pkiconf');
    house.clock.advance(minute);
    await house.run('endConfirmations');
    t.same(states(house), ['CONFIRMED']);
  });

  t.test('CMP-136 before its confirmation a certificate is issued or delivered, never confirmed', async (t) => {
    const house = await openHouse();
    const device = await newDevice();
    await device.send(house.node(), ir());
    t.same(states(house), ['DELIVERED']);
    await device.certConf(house.node());
    t.same(states(house), ['CONFIRMED']);
    const implicit = await newDevice();
    await implicit.send(house.node(), ir(), { generalInfo: [implicitConfirmItem] });
    t.same(states(house), ['CONFIRMED', 'CONFIRMED']);
    house.clock.advance(60 * minute);
    await house.run('endConfirmations');
    t.same(states(house), ['CONFIRMED', 'CONFIRMED'], 'nothing is awaited after implicit confirmation');
  });

  t.test('CMP-201 a retransmitted request is answered with the same content octet for octet, by any node, at any time', async (t) => {
    const house = await openHouse();
    const device = await newDevice();
    const ip = await device.send(house.node(), ir());
    const request = device.sent;
    const same = async (what: string) => {
      const copy = await house.node().ask(request);
      t.ok(encode(encodePkiBody(copy.body)).equals(encode(encodePkiBody(ip.body))), what);
      t.same(copy.message.header.senderNonce, ip.message.header.senderNonce);
      t.same(copy.message.header.generalInfo, ip.message.header.generalInfo, 'and names the same time');
    };
    await same('at once');
    house.clock.advance(2 * minute);
    await same('two minutes later');
    t.equal(gist(await device.certConf(house.node())), 'pkiconf');
    t.equal(gist(await device.again(house.node())), 'pkiconf', 'CMP-132 the certConf too');
    await same('after the confirmation');
    t.equal(house.ca.issuedCount(), 1);
  });
});

t.test('polling', async (t) => {
  const manual = { approval: { mode: 'manual' } };

  t.test('CMP-147 CMP-149 CMP-150 CMP-157 waiting, pollRep with a reason, then the certificate: each message on another node', async (t) => {
    const house = await openHouse({}, manual);
    const device = await newDevice();
    const first = await device.send(house.node(), ir());
    t.equal(gist(first), 'ip waiting');
    t.equal(first.message.header.generalInfo, undefined, 'nothing is said of the confirmation yet');
    const waiting = await device.poll(house.node());
    t.match(waiting.body, { type: 'pollRep', entries: [{ certReqId: 0, checkAfter: 2, reason: ['The request waits for the approval of an administrator.'] }] });
    await house.decide('ACCEPTED');
    t.match((await device.poll(house.node())).body, { entries: [{ reason: ['The certification authority is working on the request.'] }] });
    house.clock.advance(3 * minute);
    await house.run('issue');
    const ip = await device.poll(house.node());
    t.equal(gist(ip), 'ip accepted');
    t.ok(Math.abs((confirmUntil(ip)?.getTime() ?? 0) - house.clock.now().getTime() - 10 * minute) < 2_000, 'the time for the confirmation begins now');
    t.equal(gist(await device.again(house.node())), 'ip accepted', 'the last pollReq over again');
    t.equal(gist(await device.certConf(house.node())), 'pkiconf');
  });

  t.test('CMP-147 CMP-149 copies of one pollReq that two nodes handle at once are answered under one nonce, and the device goes on', async (t) => {
    const house = await openHouse({}, manual);
    const device = await newDevice();
    await device.send(house.node(), ir());
    const nodes = [house.node(), house.node(), house.node()];
    const copiesOf = async (): Promise<readonly ReadReply[]> => {
      const recipNonce = device.last?.message.header.senderNonce ?? nonce();
      const bytes = buildMessage(device.transaction, { senderNonce: nonce(), recipNonce }, { type: 'pollReq', certReqIds: [0] });
      return Promise.all(nodes.map((node) => node.ask(bytes)));
    };
    const copies = await copiesOf();
    const oneNonce = (replies: readonly ReadReply[]) => new Set(replies.map(({ message }) => message.header.senderNonce?.toString('hex'))).size;
    t.same(
      copies.map(({ body }) => body.type),
      ['pollRep', 'pollRep', 'pollRep'],
    );
    t.equal(oneNonce(copies), 1);
    device.last = copies[0];
    await house.decide('ACCEPTED');
    house.clock.advance(3 * minute);
    await house.run('issue');
    const last = await copiesOf();
    t.same(last.map(gist), ['ip accepted', 'ip accepted', 'ip accepted']);
    t.equal(oneNonce(last), 1);
    device.last = last[2];
    t.equal(gist(await device.certConf(house.node())), 'pkiconf', 'whichever copy of the answer it has');
  });

  t.test('CMP-151 of two different pollReqs at once one is answered, the other comes too late', async (t) => {
    const house = await openHouse({}, manual);
    const device = await newDevice();
    const { message } = await device.send(house.node(), ir());
    const recipNonce = message.header.senderNonce ?? nonce();
    const poll = () => buildMessage(device.transaction, { senderNonce: nonce(), recipNonce }, { type: 'pollReq', certReqIds: [0] });
    const replies = await Promise.all([house.node().ask(poll()), house.node().ask(poll())]);
    t.same(replies.map((reply) => gist(reply)).sort(), ['error rejection badRecipientNonce', 'pollRep']);
    device.last = replies.find(({ body }) => body.type === 'pollRep');
    t.match((await device.poll(house.node())).body, { type: 'pollRep' });
  });

  t.test('CMP-129 a certificate that comes while nobody asks waits for its device, which then has the whole time', async (t) => {
    const house = await openHouse({}, manual);
    const device = await newDevice();
    await device.send(house.node(), ir());
    await house.decide('ACCEPTED');
    await house.run('issue');
    house.clock.advance(60 * minute);
    await house.run('endConfirmations');
    t.same(states(house), ['ISSUED']);
    t.equal(gist(await device.poll(house.node())), 'ip accepted');
    house.clock.advance(9 * minute);
    await house.run('endConfirmations');
    t.equal(gist(await device.certConf(house.node())), 'pkiconf');
  });

  t.test('CMP-147 a refusal that comes late is the answer to the poll, in the body of the request or as an error', async (t) => {
    const rejected = await openHouse({}, manual);
    const device = await newDevice();
    await device.send(rejected.node(), ir());
    await rejected.decide('REJECTED');
    t.equal(gist(await device.poll(rejected.node())), 'ip rejection notAuthorized');
    const expired = await openHouse({}, { approval: { mode: 'manual', maxPendingHours: 1 } });
    const other = await newDevice();
    await other.send(expired.node(), ir());
    expired.clock.advance(61 * minute);
    await expired.run('tend');
    t.equal(gist(await other.poll(expired.node())), 'error rejection systemUnavail', 'CMP-155');
  });

  t.test('CMP-189 what the CA says is what the device hears: refused, away, broken', async (t) => {
    const refused = await openHouse();
    refused.ca.script({ kind: 'refuse', reason: 'the key is known' });
    t.equal(gist(await (await newDevice()).send(refused.node(), ir())), 'ip rejection badRequest');
    for (const step of [{ kind: 'notSent' }, { kind: 'uncertain', isIssued: false }, { kind: 'throw' }] as const) {
      const house = await openHouse();
      house.ca.always(step);
      t.equal(gist(await (await newDevice()).send(house.node(), ir())), 'ip waiting', `CMP-012 ${step.kind}: recorded, and worth asking again`);
    }
  });

  t.test('CMP-188 a request without a sound proof of possession never reaches the CA', async (t) => {
    const house = await openHouse();
    const [sound] = [certReqMsg()];
    const forged: CertReqMsg = { certReq: sound.certReq, popo: provePossession(certReqMsg(1).certReq, key.signer) };
    t.equal(gist(await (await newDevice()).send(house.node(), ir(forged))), 'ip rejection badPOP');
    t.equal(house.ca.calls.issue, 0);
  });

  t.test('CMP-156 CMP-213 polls that come too early are answered alike, counted, and end', async (t) => {
    const house = await openHouse({}, manual);
    const device = await newDevice();
    await device.send(house.node(), ir());
    const node = house.node();
    for (let polls = 0; polls < 20; polls += 1) t.match((await device.poll(node)).body, { type: 'pollRep', entries: [{ checkAfter: 2 }] });
    const [order] = house.orders();
    const query = { protocol: 'cmp' as const, transactionId: order?.transactionId ?? '', requester: Buffer.alloc(0) };
    const context = tenantContext(order?.tenantId ?? '', 'test');
    const dedupeKey = dedupeKeyOf(house.endpoint.profile.id, query);
    t.equal((await house.store.orders.findTransaction(context, dedupeKey))?.session.polls, 20);
    await house.store.orders.updateSession(context, dedupeKey, { polls: 10_000 });
    t.equal(gist(await device.poll(node)), 'error rejection systemUnavail');
  });
});

t.test('answers that belong to no order', async (t) => {
  const genm: PkiBody = { type: 'genm', items: [{ infoType: oids.currentCRL }] };

  function slowCrl() {
    const gate: { give: (crl: Buffer | undefined) => void; fail: () => void; asked: number } = { give: () => undefined, fail: () => undefined, asked: 0 };
    const crl = () => {
      gate.asked += 1;
      return new Promise<Buffer | undefined>((resolve, reject) => {
        gate.give = resolve;
        gate.fail = () => reject(new Error('the CA cannot say'));
      });
    };
    return { gate, crl };
  }

  t.test('CMP-147 CMP-148 CMP-150 a slow answer to genm is waited for by polling with -1, at any node', async (t) => {
    const { gate, crl } = slowCrl();
    const house = await openHouse({}, {}, { crl });
    const device = await newDevice();
    device.last = await house.node().ask(buildMessage(device.transaction, { senderNonce: nonce() }, genm));
    t.equal(gist(device.last), 'error waiting');
    t.match(device.last.body, { content: { pKIStatusInfo: { status: 'waiting', failInfo: undefined } } });
    t.match((await device.poll(house.node(), -1)).body, {
      type: 'pollRep',
      entries: [{ certReqId: -1, checkAfter: 2, reason: ['The answer is being prepared.'] }],
    });
    t.match((await device.again(house.node())).body, { type: 'pollRep' }, 'the last pollReq over again');
    const recipNonce = device.last?.message.header.senderNonce ?? nonce();
    const bytes = buildMessage(device.transaction, { senderNonce: nonce(), recipNonce }, { type: 'pollReq', certReqIds: [-1] });
    const copies = await Promise.all([house.node().ask(bytes), house.node().ask(bytes)]);
    t.same(copies[0]?.message.header.senderNonce, copies[1]?.message.header.senderNonce, 'copies at two nodes have one nonce');
    device.last = copies[1];
    t.equal(gist(await device.poll(house.node(), 0)), 'error rejection badRequest', 'there is no request of that id');
    gate.give(Buffer.from('3003020101', 'hex'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    const genp = await device.poll(house.node(), -1);
    t.match(genp.body, { type: 'genp', items: [{ infoType: oids.currentCRL }] });
    t.same(genp.message.header.recipNonce, readHeader(device.sent).senderNonce);
    t.match((await device.again(house.node())).body, { type: 'genp' }, 'again, if the answer was lost');
    t.equal(gate.asked, 1, 'the CA was asked once');
  });

  t.test('CMP-147 an error that comes late is delivered like any answer; one that never comes ends the wait', async (t) => {
    const { gate, crl } = slowCrl();
    const house = await openHouse({}, {}, { crl });
    const device = await newDevice();
    device.last = await house.node().ask(buildMessage(device.transaction, { senderNonce: nonce() }, genm));
    gate.give(undefined);
    await new Promise((resolve) => setTimeout(resolve, 5));
    t.equal(gist(await device.poll(house.node(), -1)), 'error rejection addInfoNotAvailable');
    const other = await newDevice();
    other.last = await house.node().ask(buildMessage(other.transaction, { senderNonce: nonce() }, genm));
    house.clock.advance(11 * minute);
    t.equal(gist(await other.poll(house.node(), -1)), 'error rejection systemUnavail', 'CMP-155');
    gate.fail();
  });

  t.test('CMP-151 CMP-202 only who asked may poll for it, under the nonces of the conversation', async (t) => {
    const { gate, crl } = slowCrl();
    const house = await openHouse({}, {}, { crl });
    const device = await newDevice();
    device.last = await house.node().ask(buildMessage(device.transaction, { senderNonce: nonce() }, genm));
    const pki = newAuthority('Elsewhere');
    const stranger = new Device(await begin(certificateOf(deviceOf('stranger', pki)), device.transaction.transactionID));
    stranger.last = device.last;
    t.equal(gist(await stranger.poll(house.node(), -1)), 'error rejection badMessageCheck');
    t.equal(gist(await device.send(house.node(), { type: 'pollReq', certReqIds: [-1] }, { recipNonce: nonce() })), 'error rejection badRecipientNonce');
    t.match((await device.poll(house.node(), -1)).body, { type: 'pollRep' });
    gate.give(undefined);
  });
});

t.test('several requests in one message', async (t) => {
  const several = { severalRequests: true };
  const three = () => ir(certReqMsg(0), certReqMsg(7, newKey()), certReqMsg(2, newKey()));

  t.test('CMP-087 off by default: refused as the profile of RFC 9483 says', async (t) => {
    const house = await openHouse();
    t.equal(gist(await (await newDevice()).send(house.node(), three())), 'ip rejection badRequest');
    t.same(states(house), []);
  });

  t.test('CMP-087 CMP-128 one CertResponse for each, in order; each is an order; what certConf does not name is refused', async (t) => {
    const house = await openHouse(several);
    const device = await newDevice();
    const ip = await device.send(house.node(), three());
    t.same(
      device.responses().map(({ certReqId, status }) => [certReqId, status.status]),
      [
        [0, 'accepted'],
        [7, 'accepted'],
        [2, 'accepted'],
      ],
    );
    t.same(
      house.orders().map(({ subject, transactionId }) => [subject, transactionId.includes('.')]),
      [
        ['CN=device-0', false],
        ['CN=device-7', true],
        ['CN=device-2', true],
      ],
    );
    const copy = await device.again(house.node());
    t.ok(encode(encodePkiBody(copy.body)).equals(encode(encodePkiBody(ip.body))), 'CMP-201 the same again');
    t.equal(house.ca.issuedCount(), 3);
    const [zero, seven] = device.statuses();
    const refused = { ...(seven as CertStatus), statusInfo: { status: 'rejection' as const } };
    t.equal(gist(await device.certConf(house.node(), [zero as CertStatus, refused])), 'pkiconf');
    t.same(states(house), ['CONFIRMED', 'REVOKE_WANTED', 'REVOKE_WANTED']);
    t.equal(gist(await device.again(house.node())), 'pkiconf', 'CMP-132 again');
    await house.run('revoke');
    t.same(states(house), ['CONFIRMED', 'REVOKED', 'REVOKED']);
  });

  t.test('CMP-123 CMP-124 no status counts unless all are sound', async (t) => {
    const house = await openHouse(several);
    const device = await newDevice();
    await device.send(house.node(), three());
    const statuses = device.statuses();
    const [first, second, third] = statuses as [CertStatus, CertStatus, CertStatus];
    const before = states(house);
    for (const [wrong, expected] of [
      [[first, first], 'badRequest'],
      [[first, { ...second, certReqId: 9 }], 'badRequest'],
      [[first, { ...second, certHash: randomBytes(32) }, third], 'badCertId'],
      [[{ ...first, certHash: second.certHash }], 'badCertId'],
    ] as const) {
      t.equal(gist(await device.certConf(house.node(), wrong)), `error rejection ${expected}`);
      t.same(states(house), before);
    }
    t.equal(gist(await device.certConf(house.node(), statuses)), 'pkiconf');
    t.same(states(house), ['CONFIRMED', 'CONFIRMED', 'CONFIRMED']);
  });

  t.test('CMP-128 an empty certConf refuses all', async (t) => {
    const house = await openHouse(several);
    const device = await newDevice();
    await device.send(house.node(), three());
    t.equal(gist(await device.certConf(house.node(), [])), 'pkiconf');
    t.same(states(house), ['REVOKE_WANTED', 'REVOKE_WANTED', 'REVOKE_WANTED']);
  });

  t.test('CMP-129 each falls to the deadline by itself', async (t) => {
    const house = await openHouse(several);
    const device = await newDevice();
    await device.send(house.node(), three());
    house.clock.advance(11 * minute);
    await house.run('endConfirmations');
    t.same(states(house), ['REVOKE_WANTED', 'REVOKE_WANTED', 'REVOKE_WANTED']);
    t.equal(gist(await device.certConf(house.node())), 'error rejection badRequest');
  });

  t.test('CMP-148 several are polled together or one by one, and those that are ready come while the others wait', async (t) => {
    const house = await openHouse(several);
    house.ca.script({ kind: 'issue' }, { kind: 'pending', polls: 0 }, { kind: 'pending', polls: 1 });
    const device = await newDevice();
    await device.send(house.node(), three());
    t.same(
      device.responses().map(({ certReqId, status }) => [certReqId, status.status]),
      [
        [0, 'accepted'],
        [7, 'waiting'],
        [2, 'waiting'],
      ],
    );
    t.equal(gist(await device.certConf(house.node())), 'pkiconf', 'what came is confirmed');
    t.same(states(house), ['CONFIRMED', 'CA_PENDING', 'CA_PENDING'], 'and what waits is not refused by that');
    t.match((await device.poll(house.node(), 7, 2)).body, { type: 'pollRep', entries: [{ certReqId: 7 }, { certReqId: 2 }] });
    house.clock.advance(2_000);
    await house.run('lookUp');
    t.equal((await device.poll(house.node(), 7, 2)).body.type, 'ip');
    t.same(
      device.responses().map(({ certReqId }) => certReqId),
      [7, 2],
    );
    t.same(
      device
        .responses()
        .map(({ status }) => status.status)
        .sort(),
      ['accepted', 'waiting'],
      'which of the two is up to the CA',
    );
    t.equal(gist(await device.poll(house.node(), 7, 9)), 'error rejection badRequest', 'an id that was not asked for');
    t.equal(gist(await device.poll(house.node(), 2, 2)), 'error rejection badRequest', 'an id twice');
    house.clock.advance(2_000);
    await house.run('lookUp');
    await device.poll(house.node(), 2, 7);
    t.equal(gist(await device.certConf(house.node())), 'pkiconf');
    t.same(states(house), ['CONFIRMED', 'CONFIRMED', 'CONFIRMED']);
  });

  t.test('CMP-088 every certReqId once, none negative, twenty at most; a faulty request is refused beside the others', async (t) => {
    const house = await openHouse(several);
    const refused = async (...messages: CertReqMsg[]) => gist(await (await newDevice()).send(house.node(), ir(...messages)));
    t.equal(await refused(certReqMsg(0), certReqMsg(0)), 'ip rejection badRequest');
    t.equal(await refused(certReqMsg(0), certReqMsg(-1)), 'ip rejection badRequest');
    t.equal(await refused(...Array.from({ length: 21 }, (_, id) => certReqMsg(id))), 'ip rejection badRequest');
    t.same(states(house), []);
    const device = await newDevice();
    const unproven: CertReqMsg = { certReq: certReqMsg(1).certReq };
    await device.send(house.node(), ir(unproven, certReqMsg(2)));
    t.match(
      device.responses().map(({ certReqId, status }) => ({ certReqId, status })),
      [
        { certReqId: 1, status: { status: 'rejection', failInfo: ['badPOP'] } },
        { certReqId: 2, status: { status: 'accepted' } },
      ],
    );
    t.equal(gist(await device.certConf(house.node())), 'pkiconf');
    t.same(states(house), ['CONFIRMED']);
  });

  t.test('CMP-202 another sender learns nothing of it and changes nothing', async (t) => {
    const house = await openHouse({ ...several, protection: ['mac', 'signature'] });
    const device = await newDevice();
    await device.send(house.node(), three());
    const stranger = await begin(secretOf('stranger', Buffer.from('guess')), device.transaction.transactionID);
    const recipNonce = device.last?.message.header.senderNonce as Buffer;
    const bytes = buildMessage(stranger, { senderNonce: nonce(), recipNonce }, { type: 'certConf', statuses: [] });
    t.equal(gist(await house.node().ask(bytes)), 'error rejection badMessageCheck');
    t.same(states(house), ['DELIVERED', 'DELIVERED', 'DELIVERED']);
  });
});

t.test('conduct', async (t) => {
  const asked = async (house: House, header: Partial<PkiHeader>) => house.node().ask(buildMessage(await begin(), { senderNonce: nonce() }, ir(), header));

  t.test('CMP-030 a strict profile demands messageTime', async (t) => {
    for (const conduct of ['standard', 'strict'] as const) {
      const house = await openHouse({ conduct });
      t.equal(gist(await asked(house, {})), conduct === 'strict' ? 'error rejection badTime' : 'ip accepted', conduct);
      t.equal(gist(await asked(house, { messageTime: house.clock.now() })), 'ip accepted', conduct);
    }
  });

  t.test('CMP-035 a compat profile names a transaction whose device did not, and the device can go on with that name', async (t) => {
    const standard = await openHouse();
    t.equal(gist(await asked(standard, { transactionID: undefined })), 'error rejection badDataFormat');
    const house = await openHouse({ conduct: 'compat' });
    const device = await newDevice();
    const ip = await device.send(house.node(), ir(), { transactionID: undefined });
    t.equal(gist(ip), 'ip accepted');
    t.equal(ip.message.header.transactionID?.length, 16);
    const transactionID = ip.message.header.transactionID as Buffer;
    t.equal(gist(await device.send(house.node(), { type: 'certConf', statuses: device.statuses() }, { transactionID })), 'pkiconf');
  });

  t.test('CMP-091 a compat profile passes over template fields that only the CA may set', async (t) => {
    for (const conduct of ['standard', 'compat'] as const) {
      const house = await openHouse({ conduct });
      const certTemplate = { subject: named('device'), publicKey: key.signer.publicKey.spki, serialNumber: Buffer.of(7) };
      const certReq = buildCertRequest({ certReqId: 0, certTemplate });
      const device = await newDevice();
      const reply = await device.send(house.node(), ir({ certReq, popo: provePossession(certReq, key.signer) }));
      t.equal(gist(reply), conduct === 'compat' ? 'ip accepted' : 'ip rejection badCertTemplate', conduct);
      const certificate = parseCertificate(device.responses()[0]?.certifiedKeyPair?.certificate ?? Buffer.alloc(0));
      if (certificate.ok) t.notOk(certificate.value.serial.equals(Buffer.of(7)), 'the serial number is still ours');
    }
  });

  t.test('CMP-049 a strict profile refuses implicitConfirm in certConf', async (t) => {
    for (const conduct of ['standard', 'strict'] as const) {
      const house = await openHouse({ conduct });
      const device = await newDevice();
      const messageTime = house.clock.now();
      await device.send(house.node(), ir(), { messageTime });
      const body: PkiBody = { type: 'certConf', statuses: device.statuses() };
      const reply = await device.send(house.node(), body, { messageTime, generalInfo: [implicitConfirmItem] });
      t.equal(gist(reply), conduct === 'strict' ? 'error rejection badRequest' : 'pkiconf', conduct);
    }
  });
});

t.test('CMP-073 later messages may leave extraCerts out, at any node: the signer is found by the transaction', async (t) => {
  const pki = newAuthority('Vendor');
  const house = await openHouse({ trustAnchors: [toPem('CERTIFICATE', pki.certificate.der)], vendorDevices: 'any' });
  const bare = async (device: Device, body: PkiBody) => {
    const { transaction } = device;
    const { credential } = transaction;
    const header = readHeader(device.sent);
    const recipNonce = device.last?.message.header.senderNonce as Buffer;
    return encodePkiMessage({ header: { ...header, senderNonce: nonce(), recipNonce }, body }, protectorOf(credential));
  };
  const vendor = await newDevice(certificateOf(deviceOf('sn-1', pki)));
  t.equal(gist(await vendor.send(house.node(), ir())), 'ip accepted');
  t.equal(gist(await house.node().ask(await bare(vendor, { type: 'certConf', statuses: vendor.statuses() }))), 'pkiconf', 'a vendor certificate');
  const certificate = parseCertificate(vendor.responses()[0]?.certifiedKeyPair?.certificate ?? Buffer.alloc(0));
  if (!certificate.ok) throw certificate.error;
  const member = await newDevice(certificateOf({ certificate: certificate.value, key }));
  t.equal(gist(await member.send(house.node(), { ...ir(), type: 'cr' } as PkiBody)), 'cp accepted');
  t.equal(gist(await house.node().ask(await bare(member, { type: 'certConf', statuses: member.statuses() }))), 'pkiconf', 'a certificate of ours');
  const stranger = await newDevice(certificateOf(deviceOf('sn-2', pki)));
  stranger.sent = vendor.sent;
  t.equal(gist(await house.node().ask(await bare(stranger, { type: 'certConf', statuses: [] }))), 'error rejection badMessageCheck', 'with another key');
});

function readHeader(bytes: Buffer): PkiHeader {
  const message = decodePkiMessage(bytes);
  if (!message.ok) throw message.error;
  return message.value.header;
}
