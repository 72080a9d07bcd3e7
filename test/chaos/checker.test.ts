import { createHash } from 'node:crypto';
import t from 'tap';
import { check, type ServerFacts, totalOf } from './checker.js';
import { History } from './history.js';

const first = Buffer.from('first certificate');
const second = Buffer.from('second certificate');
const stored = (der: Buffer, commonName: string) => ({ sha256: createHash('sha256').update(der).digest('hex'), commonName });

/** One device that holds `first` for transaction `t1`, and the tables of a server that did all right. */
function goodCampaign() {
  const history = new History();
  const transaction = history.begin('scep', 't1', 'device-1');
  transaction.noteIssued(first);
  const facts: ServerFacts = {
    orders: [{ transactionId: 't1', state: 'DELIVERED' }],
    certificates: [stored(first, 'device-1')],
    issuedByCa: [stored(first, 'device-1')],
  };
  return { history: history.transactions, transaction, facts };
}

t.test('finds nothing where every promise is kept', async (t) => {
  const { history, facts } = goodCampaign();
  t.equal(totalOf(check(history, facts)), 0);
});

t.test('a transaction nobody acknowledged may be unknown to the server', async (t) => {
  const history = new History();
  history.begin('cmp', 't9', 'device-9');
  t.equal(totalOf(check(history.transactions, { orders: [], certificates: [], issuedByCa: [] })), 0);
});

t.test('a certificate that is not recorded is lost', async (t) => {
  const { history, facts } = goodCampaign();
  t.match(check(history, { ...facts, certificates: [], issuedByCa: [] }).lost, [/certificate .* is not recorded/]);
});

t.test('an acknowledged transaction without an order is lost', async (t) => {
  const { history, facts } = goodCampaign();
  t.match(check(history, { ...facts, orders: [] }).lost, [/acknowledged, but no order/]);
});

t.test('a second order or a second certificate is a double', async (t) => {
  const { history, facts } = goodCampaign();
  const twice = <T>(items: readonly T[]): readonly T[] => [...items, ...items];
  t.match(check(history, { ...facts, orders: twice(facts.orders) }).double, [/2 orders/]);
  const doubled = { ...facts, issuedByCa: [...facts.issuedByCa, stored(second, 'device-1')] };
  t.match(check(history, doubled).double, [/2 certificates/]);
});

t.test('two different certificates for one transaction are a changed answer', async (t) => {
  const { history, transaction, facts } = goodCampaign();
  transaction.noteIssued(second);
  t.match(check(history, facts).changed, [/2 different certificates/]);
});

t.test('a refusal of a valid request is a finding', async (t) => {
  const { history, transaction, facts } = goodCampaign();
  transaction.noteRefused('failInfo 2');
  t.match(check(history, facts).refused, [/failInfo 2/]);
});

t.test('an order without an end and a certificate no order knows are findings', async (t) => {
  const { history, facts } = goodCampaign();
  t.match(check(history, { ...facts, orders: [{ transactionId: 't1', state: 'ISSUING' }] }).unfinished, [/is ISSUING/]);
  t.match(check(history, { ...facts, certificates: [] }).unfinished, [/the CA issued 1/]);
  const history2 = new History();
  history2.begin('scep', 't1', 'device-1').notePending();
  t.match(check(history2.transactions, facts).unfinished, [/never got its certificate/]);
});

t.test('a wrong certificate is neither given nor left valid, and is no double', async (t) => {
  const { history, transaction, facts } = goodCampaign();
  const wrong = { ...stored(second, 'device-1'), isWrong: true };
  t.equal(totalOf(check(history, { ...facts, issuedByCa: [...facts.issuedByCa, { ...wrong, isRevoked: true }] })), 0);
  t.match(check(history, { ...facts, issuedByCa: [...facts.issuedByCa, wrong] }).surplus, [/is not revoked/]);
  transaction.noteIssued(second);
  t.match(check(history, { ...facts, issuedByCa: [...facts.issuedByCa, { ...wrong, isRevoked: true }] }).surplus, [/was taken/]);
});
