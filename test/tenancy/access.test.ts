import t from 'tap';
import { openGate } from '../../src/tenancy/gate.js';
import { hashPassword, needsRehash, verifyPassword } from '../../src/tenancy/password.js';
import { generateToken, hashToken, isGeneratedToken, isToken } from '../../src/tenancy/token.js';

t.test('tokens', async (t) => {
  await t.test('are gh_ and at least 32 letters and digits, never twice the same', (t) => {
    const token = generateToken();
    t.match(token, /^gh_[A-Za-z0-9]{32,}$/);
    t.not(generateToken(), token);
    t.end();
  });
  await t.test('carry a checksum that a changed character breaks', (t) => {
    const token = generateToken();
    t.equal(isGeneratedToken(token), true);
    const changed = token.slice(0, 5) + (token[5] === 'A' ? 'B' : 'A') + token.slice(6);
    t.equal(isGeneratedToken(changed), false);
    t.equal(isToken(changed), true, 'a token from elsewhere needs no checksum');
    t.end();
  });
  await t.test('are any gh_ text of at least 32 characters', (t) => {
    t.equal(isToken(`gh_${'a'.repeat(29)}`), true);
    t.equal(isToken(`gh_${'a'.repeat(28)}`), false);
    t.equal(isToken(`xx_${'a'.repeat(60)}`), false);
    t.equal(isToken(`gh_${'a'.repeat(40)} b`), false);
    t.end();
  });
  await t.test('are stored as SHA-256 of the whole token', (t) => {
    t.equal(hashToken('abc').toString('hex'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    t.end();
  });
});

t.test('passwords', async (t) => {
  const stored = await hashPassword('correct horse');
  await t.test('are PHC strings of scrypt with N=2^17, r=8, p=1', (t) => {
    t.match(stored, /^\$scrypt\$ln=17,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    t.end();
  });
  await t.test('verify only with the same password', async (t) => {
    t.equal(await verifyPassword('correct horse', stored), true);
    t.equal(await verifyPassword('correct horsf', stored), false);
  });
  await t.test('refuse an unknown user and a stored string they cannot read', async (t) => {
    t.equal(await verifyPassword('', undefined), false);
    t.equal(await verifyPassword('x', '$scrypt$ln=31,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'), false);
  });
  await t.test('verify strings made with smaller parameters and ask for a new hash', async (t) => {
    // Python: hashlib.scrypt(b'pw', salt=b'saltsaltsaltsalt', n=1024, r=8, p=1, dklen=32)
    const small = '$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$DudPhYUu1iibCTyYvEPNHMftQlCeDPhGS7OT5rCvpzk';
    t.equal(await verifyPassword('pw', small), true);
    t.equal(needsRehash(small), true);
    t.equal(needsRehash(stored), false);
  });
});

t.test('a gate lets no more jobs run at once than it has places, in order', async (t) => {
  const gate = openGate(2);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const job = (number: number) => async () => {
    running += 1;
    most = Math.max(most, running);
    order.push(number);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    if (number === 1) throw new Error('one fails');
  };
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map((number) => gate.pass(job(number))));
  t.equal(most, 2);
  t.same(order, [0, 1, 2, 3, 4]);
  t.same(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  );
});

t.test('a gate turns away whom it cannot let wait, and lets in again when there is room', async (t) => {
  const gate = openGate(1, 1);
  let open = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    open = resolve;
  });
  const first = gate.pass(() => held);
  const second = gate.pass(async () => 'second');
  await t.rejects(
    gate.pass(async () => 'third'),
    { name: 'GateCrowded' },
  );
  open();
  await first;
  t.equal(await second, 'second');
  t.equal(await gate.pass(async () => 'later'), 'later');
});
