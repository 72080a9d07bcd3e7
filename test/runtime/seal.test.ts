import { randomBytes } from 'node:crypto';
import t from 'tap';
import { createSealer, deriveKey, isKeyOf, keyCheck, type SealedPlace } from '../../src/runtime/seal.js';

const masterKey = randomBytes(32);
const sealer = createSealer(masterKey);
const place: SealedPlace = { table: 'ra_keys', column: 'private_key', tenantId: 't1', rowId: 'r1' };

t.test('opens what was sealed for the same place', async (t) => {
  for (const plaintext of [Buffer.alloc(0), Buffer.from('secret'), randomBytes(5000)]) {
    t.same(sealer.open(sealer.seal(plaintext, place), place), { ok: true, value: plaintext });
  }
});

t.test('never seals to the same bytes twice', async (t) => {
  t.not(sealer.seal(Buffer.from('x'), place).toString('hex'), sealer.seal(Buffer.from('x'), place).toString('hex'));
});

t.test('refuses a value that was copied to another table, column, tenant or row', async (t) => {
  const sealed = sealer.seal(Buffer.from('secret'), place);
  for (const field of ['table', 'column', 'tenantId', 'rowId'] as const) {
    t.same(sealer.open(sealed, { ...place, [field]: `${place[field]}x` }), { ok: false, error: 'damaged' }, field);
  }
  t.same(sealer.open(sealed, { ...place, tenantId: 't', rowId: '1r1' }), { ok: false, error: 'damaged' }, 'parts cannot flow into each other');
});

t.test('refuses a value in which any single byte changed', async (t) => {
  const sealed = sealer.seal(Buffer.from('secret'), place);
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] as number) ^ 1;
    t.equal(sealer.open(changed, place).ok, false, `byte ${at}`);
  }
});

t.test('tells another key from damage, and rejects what is not sealed', async (t) => {
  const other = createSealer(randomBytes(32)).seal(Buffer.from('secret'), place);
  t.same(sealer.open(other, place), { ok: false, error: 'unknown-key' });
  t.same(sealer.open(Buffer.from('v1'), place), { ok: false, error: 'malformed' });
  t.same(sealer.open(Buffer.alloc(100), place), { ok: false, error: 'malformed' });
});

t.test('opens what another key sealed where it is given, and seals under its own alone', async (t) => {
  const otherKey = randomBytes(32);
  const both = createSealer(masterKey, otherKey);
  const [ours, theirs] = [sealer.seal(Buffer.from('ours'), place), createSealer(otherKey).seal(Buffer.from('theirs'), place)];
  t.same(both.open(ours, place), { ok: true, value: Buffer.from('ours') });
  t.same(both.open(theirs, place), { ok: true, value: Buffer.from('theirs') });
  t.same(both.open(theirs, { ...place, rowId: 'r2' }), { ok: false, error: 'damaged' });
  t.same(both.open(createSealer(randomBytes(32)).seal(Buffer.from('x'), place), place), { ok: false, error: 'unknown-key' });
  t.same(sealer.open(both.seal(Buffer.from('new'), place), place), { ok: true, value: Buffer.from('new') });
});

t.test('refuses all of 1,000 swaps of sealed values', async (t) => {
  const columns = ['private_key', 'ciphertext'];
  const cells = Array.from({ length: 1001 }, (_, index) => ({ ...place, column: columns[index % 2] as string, rowId: `row-${index}` }));
  const sealed = cells.map((cell) => sealer.seal(Buffer.from(cell.rowId), cell));
  const opened = cells.slice(1).filter((cell, index) => sealer.open(sealed[index] as Buffer, cell).ok);
  t.equal(opened.length, 0);
  t.ok(cells.every((cell, index) => sealer.open(sealed[index] as Buffer, cell).ok));
});

t.test('derives different keys for different labels, and knows its key check', async (t) => {
  t.equal(deriveKey(masterKey, 'a').length, 32);
  t.notOk(deriveKey(masterKey, 'a').equals(deriveKey(masterKey, 'b')));
  t.ok(isKeyOf(masterKey, keyCheck(masterKey)));
  t.notOk(isKeyOf(randomBytes(32), keyCheck(masterKey)));
  t.notOk(isKeyOf(masterKey, ''));
  t.throws(() => createSealer(Buffer.alloc(16)), { message: 'The master key must be 32 bytes.' });
});
