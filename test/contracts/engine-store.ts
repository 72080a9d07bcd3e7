import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import type { EngineStore } from '../../src/crypto-engine/ports.js';

const notAfter = new Date('2030-01-01T00:00:00Z');
const newCa = (id: string) => ({ id, certificate: randomBytes(100), privateKey: randomBytes(50), parentId: 'root' });
const newSerial = () => randomBytes(16).toString('hex');

/** What every implementation of the engine's store does; `store` knows no CA yet. */
export async function engineStoreContract(t: Test, store: EngineStore): Promise<void> {
  t.test('keeps CAs with their keys, and takes each id once', async (t) => {
    const ca = newCa('root');
    await store.addCa(ca);
    await t.rejects(store.addCa(ca));
    t.match(await store.listCas(), [{ ...ca, state: 'active', activatesAt: null, createdAt: Date }]);
    t.equal((await store.listCas()).length, 1);
  });

  t.test('SCEP-040 one CA at a time is prepared, takes over from the one that issues, or is given up', async (t) => {
    const at = new Date('2027-03-01T00:00:00Z');
    const states = async () => Object.fromEntries((await store.listCas()).map(({ id, state }) => [id, state]));
    await store.addCa(newCa('issuing'));
    const added = await Promise.all(['issuing-2', 'issuing-2b'].map((id) => store.addNextCa(newCa(id), at, 'user:1')));
    t.same([...added].sort(), [false, true], 'of two prepared at once one stands');
    const [next] = (await store.listCas()).filter(({ state }) => state === 'next');
    t.match(next, { activatesAt: at, parentId: 'root' });
    t.equal(await store.activateCa('issuing', 'user:1'), false, 'only what is prepared takes over');
    const done = await Promise.all([1, 2, 3].map(() => store.activateCa(next?.id ?? '', 'user:1')));
    t.same([...done].sort(), [false, false, true], 'once');
    t.same(await states(), { root: 'active', issuing: 'retired', [next?.id ?? '']: 'active' });
    t.equal(await store.addNextCa(newCa('issuing-3'), at, 'user:1'), true);
    t.equal(await store.retireCa('issuing', 'user:1'), false, 'nothing else is given up');
    t.equal(await store.retireCa('issuing-3', 'user:1'), true);
    t.equal(await store.addNextCa(newCa('issuing-3'), at, 'user:1'), false, 'an id is used once');
    t.match(await states(), { root: 'active', 'issuing-3': 'retired', [next?.id ?? '']: 'active' });
  });

  t.test('records one certificate under a ref, also when two come at once', async (t) => {
    const ref = `ref-${newSerial()}`;
    const candidates = [randomBytes(40), randomBytes(40), randomBytes(40)];
    const standing = await Promise.all(candidates.map((certificate) => store.record('issuing', ref, certificate, newSerial(), notAfter)));
    t.ok(candidates.some((candidate) => candidate.equals(standing[0] as Buffer)));
    t.ok(standing.every((certificate) => certificate.equals(standing[0] as Buffer)));
    t.match(await store.findByRef(ref), { caId: 'issuing', certificate: standing[0] });
    t.equal(await store.findByRef('another'), undefined);
  });

  t.test('revokes by CA and serial, keeping the first time and reason', async (t) => {
    const serial = newSerial();
    const at = new Date('2026-05-01T10:00:00Z');
    const certificate = randomBytes(40);
    await store.record('issuing', `ref-${serial}`, certificate, serial, notAfter);
    t.same(await store.findBySerial('issuing', serial), { ref: `ref-${serial}`, certificate, revokedAt: null, reason: null });
    t.equal(await store.revoke('other', serial, 1, at), false);
    t.equal(await store.revoke('issuing', newSerial(), 1, at), false);
    t.equal(await store.revoke('issuing', serial, 1, at), true);
    t.equal(await store.revoke('issuing', serial, 4, new Date()), true);
    t.same(await store.revocations('issuing'), [{ serial, revokedAt: at, reason: 1 }]);
    t.same(await store.findBySerial('issuing', serial), { ref: `ref-${serial}`, certificate, revokedAt: at, reason: 1 });
    t.equal(await store.findBySerial('other', serial), undefined);
    t.same(await store.revocations('other'), []);
  });

  t.test('keeps the keys of OCSP answers by CA, the one that lasts longest first', async (t) => {
    const signer = (caId: string, days: number) => {
      const end = new Date(Math.floor(Date.now() / 1000) * 1000 + days * 86_400_000);
      return { caId, serial: newSerial(), certificate: randomBytes(60), privateKey: randomBytes(50), notAfter: end };
    };
    const [short, long, other] = [signer('issuing', 5), signer('issuing', 30), signer('root', 30)];
    for (const item of [short, long, other]) await store.addOcspSigner(item);
    t.same(await store.listOcspSigners('issuing'), [long, short]);
    t.same(await store.listOcspSigners('root'), [other]);
    t.same(await store.listOcspSigners('nobody'), []);
  });

  t.test('counts CRLs of each CA from 1, also when many are made at once', async (t) => {
    const numbers = await Promise.all(Array.from({ length: 10 }, () => store.nextCrlNumber('a')));
    t.same(
      numbers.sort((left, right) => left - right),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    t.equal(await store.nextCrlNumber('b'), 1);
  });
}
