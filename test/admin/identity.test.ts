import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import type { Store } from '../../src/store/store.js';
import { systemContext } from '../../src/tenancy/context.js';
import { hashPassword } from '../../src/tenancy/password.js';
import { hashSessionToken } from '../../src/tenancy/session.js';
import { totpCode, totpStep } from '../../src/tenancy/totp.js';
import type { NewUser } from '../../src/tenancy/user.js';
import { testDatabases } from '../support/database.js';
import { type Browser, identityOf, openBrowser, storesOf } from './browser.js';
import { type Answer, type Desk, openDesk } from './desk.js';

t.setTimeout(600_000);

const password = 'correct horse battery';
/** scrypt with small parameters: these tests are about what is done with passwords, not about what they cost. */
const quick = '$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$DudPhYUu1iibCTyYvEPNHMftQlCeDPhGS7OT5rCvpzk';
const quickPassword = 'pw';

const system = systemContext('test');
let number = 0;

async function addUser(store: Store, changes: Partial<NewUser> = {}): Promise<NewUser> {
  number += 1;
  const names = { username: `person${number}`, email: null, displayName: '' };
  const rights = { roles: ['viewer'], tenantIds: null, status: 'active' } as const;
  const user: NewUser = { id: uuidv7(), ...names, ...rights, passwordHash: quick, mustChangePassword: false, identity: null, ...changes };
  const created = await store.users.create(system, user);
  if (!created.ok) throw new Error(JSON.stringify(created.error));
  return user;
}

const problemCode = ({ body }: Answer): string => String(body.type).replace('urn:gatehouse:problem:', '');
const decodeBase32 = (text: string): Buffer => {
  const bits = [...text].map((sign) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(sign).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
};

for (const database of testDatabases()) {
  t.test(database.name, async (t) => {
    const { store, close } = await database.open();
    t.teardown(close);
    const withDesk = (name: string, body: (t: Test, desk: Desk) => Promise<void>, changes: Parameters<typeof identityOf>[1] = {}) =>
      t.test(name, async (t) => {
        const desk = await openDesk(async () => storesOf(store), { identity: identityOf(store, changes) });
        t.teardown(() => desk.close());
        await body(t, desk);
      });

    await withDesk('signing in makes a session, signing out ends it', async (t, desk) => {
      const { username } = await addUser(store, { roles: ['operator', 'minter'], displayName: 'Person One' });
      const browser = openBrowser(desk);
      t.match((await browser.call('GET', '/api/v1/session')).body, { authenticated: false, provider: null }, '200 also when anonymous');
      const answer = await browser.call('POST', '/api/v1/session', { username: ` ${username.toUpperCase()} `, password: quickPassword });
      t.match(answer, { status: 200, body: { authenticated: true, kind: 'user', name: 'Person One', role: 'operator', tenantId: null, tenants: null } });
      t.ok(answer.body.permissions.includes('order:approve'));
      t.notOk(answer.body.permissions.includes('profile:write'));
      t.same(
        answer.setCookie.map((line) => line.replace(/=[^;]+/, '=x')),
        ['__Host-gatehouse=x; Path=/; HttpOnly; SameSite=Lax; Secure'],
      );
      t.equal((await browser.call('GET', '/api/v1/orders')).status, 200);
      t.equal((await browser.call('GET', '/api/v1/users')).status, 403);
      const kept = browser.cookie ?? '';
      t.match((await browser.call('DELETE', '/api/v1/session')).body, { endUrl: null });
      t.equal(browser.cookie, undefined, 'the cookie is taken back');
      browser.cookie = kept;
      t.equal((await browser.call('GET', '/api/v1/orders')).status, 401, 'and it is worth nothing any more');
      const actions = (await desk.stores.auditEvents()).map(({ action }) => action);
      for (const action of ['session.begun', 'session.ended', 'access.denied']) t.ok(actions.includes(action), action);
    });

    await withDesk('the cookie is kept as a hash only, and never logged', async (t, desk) => {
      const { username, id } = await addUser(store);
      const browser = openBrowser(desk);
      await browser.call('POST', '/api/v1/session', { username, password: quickPassword });
      const cookie = browser.cookie ?? '';
      t.match(cookie, /^[A-Za-z0-9_-]{43}$/);
      t.ok(await store.sessions.find(hashSessionToken(cookie), desk.clock.now(), 60_000));
      t.notMatch(JSON.stringify(await store.sessions.listOf(id, desk.clock.now(), 60_000)), cookie);
      t.notMatch(desk.lines.join(''), cookie);
      t.notMatch(desk.lines.join(''), `${quickPassword}"`);
    });

    await withDesk('a session id that came with the request is never taken over (session fixation)', async (t, desk) => {
      const { username } = await addUser(store);
      const [attacker, victim] = [openBrowser(desk), openBrowser(desk)];
      const planted = 'A'.repeat(43);
      victim.cookie = planted;
      await victim.call('POST', '/api/v1/session', { username, password: quickPassword });
      t.not(victim.cookie, planted);
      attacker.cookie = planted;
      t.match((await attacker.call('GET', '/api/v1/session')).body, { authenticated: false });
      const first = victim.cookie;
      await victim.call('POST', '/api/v1/session', { username, password: quickPassword });
      t.not(victim.cookie, first, 'another one at every login');
      attacker.cookie = first;
      t.match((await attacker.call('GET', '/api/v1/session')).body, { authenticated: false }, 'and the one before is over');
      attacker.cookie = `${victim.cookie}; __Host-gatehouse=${planted}`;
      t.match((await attacker.call('GET', '/api/v1/session')).body, { authenticated: false }, 'two cookies of the name are none');
    });

    await withDesk('another site cannot use the session (CSRF)', async (t, desk) => {
      const { username } = await addUser(store, { roles: ['superadmin'] });
      const browser = openBrowser(desk);
      const signIn = { username, password: quickPassword };
      const elsewhere = 'https://evil.example.test';
      const foreign = await browser.call('POST', '/api/v1/session', signIn, { origin: elsewhere });
      t.equal(problemCode(foreign), 'foreign-origin', 'nor sign its visitors in');
      await browser.call('POST', '/api/v1/session', signIn);
      const change = (headers: Record<string, string>) => browser.call('POST', '/api/v1/tenants', { name: `T ${uuidv7()}` }, headers);
      t.equal((await change({})).status, 201, 'from the console');
      for (const headers of [
        { origin: elsewhere },
        { origin: '' },
        { origin: 'null' },
        { origin: 'https://admin.example.test.evil.example' },
        { origin: 'http://admin.example.test' },
        { origin: 'https://admin.example.test:444' },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
      ] as readonly Record<string, string>[]) {
        t.equal(problemCode(await change(headers)), 'foreign-origin', JSON.stringify(headers));
      }
      t.equal((await browser.call('DELETE', '/api/v1/session', undefined, { origin: elsewhere })).status, 403, 'it cannot sign out either');
      t.equal((await browser.call('GET', '/api/v1/tenants', undefined, { origin: elsewhere })).headers['access-control-allow-origin'], undefined);
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      t.equal((await browser.call('POST', '/api/v1/tenants', 'name=x', form)).status, 415, 'a form is no JSON');
      const token = await desk.tokenFor('superadmin', null);
      const byToken = await desk.call(token)('POST', '/api/v1/tenants', { name: `T ${uuidv7()}` }, { origin: elsewhere });
      t.equal(byToken.status, 201, 'a token is not sent by itself, so its origin does not matter');
      const wrong = await browser.call('GET', '/api/v1/tenants', undefined, { authorization: 'Bearer gh_wrong' });
      t.equal(wrong.status, 401, 'where a token is sent, the cookie does not count');
    });

    await t.test('over http the cookie has a plain name and no Secure, and the host it was sent to is its origin', async (t) => {
      const desk = await openDesk(async () => storesOf(store), { identity: identityOf(store), adminUrl: 'http://127.0.0.1:8081' });
      t.teardown(() => desk.close());
      const { username } = await addUser(store, { roles: ['superadmin'] });
      const browser = openBrowser(desk, { at: 'http://localhost:80', name: 'gatehouse' });
      const answer = await browser.call('POST', '/api/v1/session', { username, password: quickPassword }, { host: 'localhost' });
      t.same(
        answer.setCookie.map((line) => line.replace(/=[^;]+/, '=x')),
        ['gatehouse=x; Path=/; HttpOnly; SameSite=Lax'],
      );
      t.equal((await browser.call('POST', '/api/v1/tenants', { name: `T ${uuidv7()}` }, { host: 'localhost' })).status, 201);
      t.equal((await browser.call('POST', '/api/v1/tenants', { name: 'x' }, { host: 'other' })).status, 403);
    });

    await withDesk('a session ends when it is not used, and in any case', async (t, desk) => {
      const { username, id } = await addUser(store);
      const minutes = (count: number) => desk.clock.advance(count * 60_000);
      const browser = openBrowser(desk);
      const isAlive = async () => (await browser.call('GET', '/api/v1/session')).body.authenticated;
      await browser.call('POST', '/api/v1/session', { username, password: quickPassword });
      minutes(29);
      t.equal(await isAlive(), true, 'used after 29 minutes');
      minutes(29);
      t.equal(await isAlive(), true, 'and again: the half hour begins anew');
      minutes(30);
      t.equal(await isAlive(), false, 'not after 30');
      t.same(await store.sessions.listOf(id, desk.clock.now(), 30 * 60_000), []);
      await browser.call('POST', '/api/v1/session', { username, password: quickPassword });
      for (let passed = 0; passed < 12 * 60 - 20; passed += 20) {
        minutes(20);
        t.equal(await isAlive(), true);
      }
      minutes(20);
      t.equal(await isAlive(), false, 'after twelve hours whatever was done');
      t.ok((await store.sessions.forget(desk.clock.now(), 30 * 60_000)) >= 2, 'a job removes what nobody can use');
    });

    await withDesk('a user sees the own sessions and ends them one by one', async (t, desk) => {
      const { username } = await addUser(store);
      const other = await addUser(store);
      const [here, there, stranger] = [openBrowser(desk), openBrowser(desk, { ip: '198.51.100.7' }), openBrowser(desk)];
      for (const browser of [here, there]) await browser.call('POST', '/api/v1/session', { username, password: quickPassword }, { 'user-agent': 'Test' });
      await stranger.call('POST', '/api/v1/session', { username: other.username, password: quickPassword });
      const { items } = (await here.call('GET', '/api/v1/session/all')).body;
      t.match(items.map(({ source, isThisOne, userAgent }: Record<string, unknown>) => [source, isThisOne, userAgent]).sort(), [
        ['192.0.2.1', true, 'Test'],
        ['198.51.100.7', false, 'Test'],
      ]);
      const remote = items.find(({ isThisOne }: { isThisOne: boolean }) => !isThisOne).id;
      t.equal((await stranger.call('DELETE', `/api/v1/session/all/${remote}`)).status, 404, 'of another user: nothing there');
      t.equal((await here.call('DELETE', `/api/v1/session/all/${remote}`)).status, 204);
      t.match((await there.call('GET', '/api/v1/session')).body, { authenticated: false });
      t.match((await here.call('GET', '/api/v1/session')).body, { authenticated: true });
    });

    await withDesk('who is unknown, inactive, without password, or wrong gets the same answer for the same work', async (t, desk) => {
      const { username } = await addUser(store);
      const inactive = await addUser(store, { status: 'inactive' });
      const provided = await addUser(store, { passwordHash: null, identity: { issuer: 'https://idp.example', subject: uuidv7() } });
      const tries = [
        [username, 'wrong'],
        [`nobody${uuidv7()}`, quickPassword],
        [inactive.username, quickPassword],
        [provided.username, quickPassword],
        ['<script>', 'x'],
      ];
      const answers = [];
      for (const [index, [name, secret]] of tries.entries()) {
        const browser = openBrowser(desk, { ip: `203.0.113.${index}` });
        const { status, body, setCookie } = await browser.call('POST', '/api/v1/session', { username: name, password: secret });
        answers.push({ status, title: body.title, detail: body.detail, type: body.type, setCookie });
      }
      for (const answer of answers) t.same(answer, answers[0]);
      t.match(answers[0], { status: 401, setCookie: [] });
      const failed = (await desk.stores.auditEvents()).filter(({ action }) => action === 'login.failed');
      t.ok(failed.some(({ object }) => object === 'user:unknown'));
      t.notMatch(JSON.stringify(failed), /nobody|<script>/, 'what nobody is called is not written down: it may be a password');
    });

    await withDesk('guessing is slowed down per account and address, and the owner gets in elsewhere', async (t, desk) => {
      const { username } = await addUser(store);
      const guesser = openBrowser(desk, { ip: '203.0.113.50' });
      const owner = openBrowser(desk, { ip: '192.0.2.200' });
      const as = (browser: typeof owner, secret: string) => browser.call('POST', '/api/v1/session', { username, password: secret });
      await as(owner, quickPassword);
      for (let count = 0; count < 5; count += 1) t.equal((await as(guesser, `wrong${count}`)).status, 401);
      const blocked = await as(guesser, quickPassword);
      t.match([blocked.status, problemCode(blocked), Number(blocked.headers['retry-after'])], [429, 'too-many-attempts', 30]);
      t.equal((await as(owner, quickPassword)).status, 200, 'the owner at another place is not locked out');
      desk.clock.advance(30_000);
      t.equal((await as(guesser, 'wrong')).status, 401, 'after the wait there is one more try');
      t.equal((await as(guesser, 'wrong')).headers['retry-after'], '60', 'and the next wait is twice as long');
      desk.clock.advance(3_600_000 * 2);
      t.equal((await as(guesser, quickPassword)).status, 200, 'a block always ends, also for the owner behind the same address');

      const many = async (count: number, from: number) => {
        const statuses: number[] = [];
        for (let index = 0; index < count; index += 1) statuses.push((await as(openBrowser(desk, { ip: `10.0.${from}.${index}` }), 'wrong')).status);
        return statuses;
      };
      const spread = await many(22, 1);
      t.same([spread.filter((status) => status === 401).length, spread.filter((status) => status === 429).length], [20, 2], 'from everywhere: the account');
      t.equal((await as(openBrowser(desk, { ip: '10.1.1.1' }), quickPassword)).status, 429, 'a new place has to wait');
      t.equal((await as(owner, quickPassword)).status, 200, 'a place the account was signed in from before has not');
    });

    await withDesk('tries made at once are all counted', async (t, desk) => {
      const { username } = await addUser(store);
      const browser = openBrowser(desk, { ip: '203.0.113.77' });
      const answers = await Promise.all(Array.from({ length: 12 }, () => browser.call('POST', '/api/v1/session', { username, password: 'wrong' })));
      t.equal(answers.filter(({ status }) => status === 401).length, 5);
      t.equal(answers.filter(({ status }) => status === 429).length, 7);
    });

    await withDesk('the second factor: enrolled, asked for, never taken twice, replaced by a backup code once', async (t, desk) => {
      const { username } = await addUser(store, { passwordHash: await hashPassword(password) });
      const browser = openBrowser(desk);
      await browser.call('POST', '/api/v1/session', { username, password });
      t.equal((await browser.call('POST', '/api/v1/session/totp', { password: 'wrong' })).status, 400, 'not without the password');
      const { body: proposal } = await browser.call('POST', '/api/v1/session/totp', { password });
      t.match(proposal.otpauthUri, new RegExp(`^otpauth://totp/Gatehouse:${username}\\?secret=${proposal.secret}&issuer=Gatehouse&`));
      const secret = decodeBase32(proposal.secret);
      const code = (offset = 0) => totpCode(secret, totpStep(desk.clock.now()) + offset);
      t.equal((await browser.call('POST', '/api/v1/session/totp/confirm', { code: '000000' })).status, code() === '000000' ? 200 : 400);
      const signInBefore = await openBrowser(desk).call('POST', '/api/v1/session', { username, password });
      t.equal(signInBefore.status, 200, 'not in force before it is confirmed');
      const before = browser.cookie;
      const confirmation = await browser.call('POST', '/api/v1/session/totp/confirm', { code: code() });
      t.equal(confirmation.status, 200, confirmation.text);
      t.equal(confirmation.body.backupCodes.length, 10);
      t.not(browser.cookie, before, 'the session gets another cookie');
      t.equal(problemCode(await browser.call('POST', '/api/v1/session/totp', { password })), 'wrong-state', 'in force: it is not replaced unseen');

      const places: number[] = [];
      const fresh = () => openBrowser(desk, { ip: `198.51.100.${places.push(places.length)}` });
      const signIn = (extra: object) => fresh().call('POST', '/api/v1/session', { username, password, ...extra });
      t.equal(problemCode(await signIn({})), 'code-required');
      t.equal((await signIn({ code: code() })).status, 401, 'the code that confirmed it is spent');
      desk.clock.advance(30_000);
      t.equal((await signIn({ code: code() })).status, 200);
      t.equal((await signIn({ code: code() })).status, 401, 'a code lets in once (RFC 6238 section 5.2)');
      t.equal((await signIn({ code: code(-1) })).status, 401, 'nor an older one after it');
      desk.clock.advance(30_000);
      const racing = await Promise.all([0, 1, 2].map(() => signIn({ code: code() })));
      t.equal(racing.filter(({ status }) => status === 200).length, 1, 'also when it is sent three times at once');
      desk.clock.advance(3_600_000);
      t.equal((await signIn({ code: code(5) })).status, 401, 'a code of another time');
      t.equal((await signIn({ password: 'wrong', code: code() })).status, 401, 'a code without the password');
      const [backup = ''] = confirmation.body.backupCodes;
      t.equal((await signIn({ code: backup.toLowerCase().replaceAll('-', ' ') })).status, 200);
      t.equal((await signIn({ code: backup })).status, 401, 'a backup code lets in once');

      desk.clock.advance(3_600_000);
      const again = fresh();
      await again.call('POST', '/api/v1/session', { username, password, code: code() });
      desk.clock.advance(60_000);
      t.equal((await again.call('POST', '/api/v1/session/totp/remove', { password, code: '123' })).status, 400);
      t.equal((await again.call('POST', '/api/v1/session/totp/remove', { password, code: code() })).status, 204);
      t.equal((await signIn({})).status, 200);
      const rows = JSON.stringify(await desk.stores.auditEvents());
      t.notMatch(rows, proposal.secret);
      t.notMatch(rows, backup);
    });

    await withDesk(
      'a role that must have a second factor can do nothing before it is set up',
      async (t, desk) => {
        const { username } = await addUser(store, { roles: ['admin'], passwordHash: await hashPassword(password), mustChangePassword: true });
        const browser = openBrowser(desk);
        const first = await browser.call('POST', '/api/v1/session', { username, password });
        t.equal(first.body.restriction, 'change-password');
        const refused = await browser.call('GET', '/api/v1/orders');
        t.match([refused.status, problemCode(refused), refused.body.restriction], [403, 'session-restricted', 'change-password']);
        t.equal((await browser.call('POST', '/api/v1/session/totp', { password })).status, 403);
        const newPassword = 'another long passphrase';
        for (const [wrong, why] of [
          ['short', 'length'],
          [password, 'the same'],
          [`${username} and more`, 'own name'],
          ['aaaaaaaaaaaaaaaa', 'one sign'],
        ] as const) {
          t.equal((await browser.call('POST', '/api/v1/session/password', { currentPassword: password, newPassword: wrong })).status, 400, why);
        }
        t.equal((await browser.call('POST', '/api/v1/session/password', { currentPassword: 'wrong', newPassword })).status, 400);
        const cookie = browser.cookie;
        t.equal((await browser.call('POST', '/api/v1/session/password', { currentPassword: password, newPassword })).status, 204);
        t.not(browser.cookie, cookie, 'another cookie');
        t.equal((await browser.call('GET', '/api/v1/session')).body.restriction, 'enrol-totp');
        t.equal((await browser.call('GET', '/api/v1/orders')).status, 403);
        const { body } = await browser.call('POST', '/api/v1/session/totp', { password: newPassword });
        const code = totpCode(decodeBase32(body.secret), totpStep(desk.clock.now()));
        t.equal((await browser.call('POST', '/api/v1/session/totp/confirm', { code })).status, 200);
        t.equal((await browser.call('GET', '/api/v1/orders')).status, 200);
      },
      { totpRoles: ['admin', 'superadmin'] },
    );

    await withDesk('a changed password ends every other session', async (t, desk) => {
      const { username } = await addUser(store, { passwordHash: await hashPassword(password) });
      const [here, thief] = [openBrowser(desk), openBrowser(desk)];
      for (const browser of [here, thief]) await browser.call('POST', '/api/v1/session', { username, password });
      await here.call('POST', '/api/v1/session/password', { currentPassword: password, newPassword: 'quite another secret' });
      t.match((await thief.call('GET', '/api/v1/session')).body, { authenticated: false });
      t.match((await here.call('GET', '/api/v1/session')).body, { authenticated: true });
      t.equal((await openBrowser(desk).call('POST', '/api/v1/session', { username, password })).status, 401);
    });

    await withDesk('users are made, listed, changed, reset and removed', async (t, desk) => {
      const root = await desk.as('superadmin', null);
      const { id: tenantId } = await desk.addTenant();
      const unique = `new${uuidv7()}`;
      const made = await root('POST', '/api/v1/users', {
        username: `${unique}@Example.test`,
        email: 'new@example.test',
        roles: ['viewer', 'minter'],
        tenantIds: [tenantId],
      });
      t.match(made, {
        status: 201,
        headers: { etag: '"1"' },
        body: { username: `${unique}@example.test`, roles: ['viewer', 'minter'], tenantIds: [tenantId], mustChangePassword: true },
      });
      t.match(made.body.password, /^[A-Za-z0-9]{24}$/, 'a password that was made is shown once');
      const location = made.headers.location ?? '';
      const read = await root('GET', location);
      t.notOk('password' in read.body);
      t.notMatch(read.text, /scrypt|hash/i);
      t.equal((await root('POST', '/api/v1/users', { username: `${unique}@example.test`, roles: ['viewer'], tenantIds: null })).status, 409);
      for (const [body, path] of [
        [{ username: 'x y', roles: ['viewer'], tenantIds: null }, 'username'],
        [{ username: 'xy', roles: [], tenantIds: null }, 'roles'],
        [{ username: 'xy', roles: ['god'], tenantIds: null }, 'roles.0'],
        [{ username: 'xy', roles: ['viewer'] }, 'tenantIds'],
        [{ username: 'xy', roles: ['viewer'], tenantIds: [uuidv7()] }, 'tenantIds.0'],
        [{ username: 'xy', roles: ['viewer'], tenantIds: null, email: 'no' }, 'email'],
        [{ username: 'xyzzy', roles: ['viewer'], tenantIds: null, password: 'xyzzy is my name' }, 'password'],
      ] as const) {
        const refused = await root('POST', '/api/v1/users', body);
        t.match([refused.status, refused.body.errors], [400, [{ path }]], path);
      }
      t.match((await root('GET', `/api/v1/users?q=${unique}&role=minter&tenantId=${tenantId}`)).body, { total: 1 });
      t.match((await root('GET', `/api/v1/users?q=${unique}&role=admin`)).body, { total: 0 });

      const browser = openBrowser(desk);
      await browser.call('POST', '/api/v1/session', { username: `${unique}@example.test`, password: made.body.password });
      t.equal((await browser.call('GET', '/api/v1/session')).body.restriction, 'change-password');
      t.equal((await root('PATCH', location, { displayName: 'New' })).status, 428);
      const changed = await root('PATCH', location, { displayName: 'New', email: null }, { 'if-match': '"1"' });
      t.match(changed.body, { displayName: 'New', email: null, roles: ['viewer', 'minter'], tenantIds: [tenantId] });
      t.match((await browser.call('GET', '/api/v1/session')).body, { authenticated: true }, 'a new name ends no session');
      t.equal((await root('PATCH', location, { roles: ['auditor'] }, { 'if-match': '"1"' })).status, 412);
      t.equal((await root('PATCH', location, { roles: ['auditor'] }, { 'if-match': '"2"' })).status, 200);
      t.match((await browser.call('GET', '/api/v1/session')).body, { authenticated: false }, 'other rights do');
      const reset = await root('POST', `${location}/reset-password`);
      t.equal((await browser.call('POST', '/api/v1/session', { username: `${unique}@example.test`, password: made.body.password })).status, 401);
      t.equal((await browser.call('POST', '/api/v1/session', { username: `${unique}@example.test`, password: reset.body.password })).status, 200);
      const { items } = (await root('GET', `${location}/sessions`)).body;
      t.equal(items.length, 1);
      t.equal((await root('DELETE', `${location}/sessions/${items[0].id}`)).status, 204);
      t.match((await browser.call('GET', '/api/v1/session')).body, { authenticated: false });
      const { etag = '' } = (await root('GET', location)).headers;
      t.equal((await root('DELETE', location, undefined, { 'if-match': etag })).status, 204);
      t.equal((await root('GET', location)).status, 404);
    });

    await withDesk('an administrator of one tenant sees and makes its users only, and gives no more than he has', async (t, desk) => {
      const [a, b] = [await desk.addTenant(), await desk.addTenant()];
      const root = await desk.as('superadmin', null);
      const make = (rights: Pick<NewUser, 'roles' | 'tenantIds'>) => addUser(store, rights);
      const ofA = await make({ roles: ['viewer'], tenantIds: [a.id] });
      const ofB = await make({ roles: ['viewer'], tenantIds: [b.id] });
      const ofBoth = await make({ roles: ['viewer'], tenantIds: [a.id, b.id] });
      const everywhere = await make({ roles: ['viewer'], tenantIds: null });
      const mighty = await make({ roles: ['superadmin'], tenantIds: [a.id] });
      const { items } = (await a.admin('GET', '/api/v1/users?limit=200')).body;
      t.same(items.map(({ id }: { id: string }) => id).sort(), [ofA.id, ofBoth.id, mighty.id].sort());
      for (const user of [ofB, everywhere]) {
        for (const [method, path] of [
          ['GET', ''],
          ['PATCH', ''],
          ['DELETE', ''],
          ['POST', '/reset-password'],
          ['GET', '/sessions'],
          ['POST', '/remove-totp'],
        ] as const) {
          const body = method === 'PATCH' ? { displayName: 'x' } : undefined;
          t.equal((await a.admin(method, `/api/v1/users/${user.id}${path}`, body, { 'if-match': '*' })).status, 404, `${method} ${path}`);
        }
      }
      for (const user of [ofBoth, mighty]) {
        t.equal((await a.admin('POST', `/api/v1/users/${user.id}/reset-password`)).status, 403, 'works elsewhere too, or may do more');
        t.equal((await a.admin('PATCH', `/api/v1/users/${user.id}`, { displayName: 'x' }, { 'if-match': '*' })).status, 403);
      }
      const own = await a.admin('POST', '/api/v1/users', { username: `u${uuidv7()}`, roles: ['operator'] });
      t.same(own.body.tenantIds, [a.id], 'the own tenant where none is named');
      for (const body of [{ roles: ['superadmin'] }, { roles: ['viewer'], tenantIds: [b.id] }, { roles: ['viewer'], tenantIds: null }]) {
        t.equal((await a.admin('POST', '/api/v1/users', { username: `u${uuidv7()}`, ...body })).status, 400, JSON.stringify(body));
      }
      const raise = (patch: object) => a.admin('PATCH', `/api/v1/users/${ofA.id}`, patch, { 'if-match': '*' });
      t.equal((await raise({ roles: ['superadmin'] })).status, 400);
      t.equal((await raise({ tenantIds: null })).status, 400);
      t.equal((await raise({ tenantIds: [b.id] })).status, 400);
      t.equal((await raise({ roles: ['admin'] })).status, 200, 'as much as he has');
      t.match((await root('GET', `/api/v1/users/${ofA.id}`)).body, { roles: ['admin'], tenantIds: [a.id] });
    });

    await withDesk('a user of several tenants works in one at a time', async (t, desk) => {
      const [a, b, c] = [await desk.addTenant('Alpha'), await desk.addTenant('Beta'), await desk.addTenant('Gamma')];
      const { username } = await addUser(store, { roles: ['admin'], tenantIds: [a.id, b.id] });
      const browser = openBrowser(desk);
      const { body } = await browser.call('POST', '/api/v1/session', { username, password: quickPassword });
      t.match(body, {
        tenantId: a.id,
        tenant: 'Alpha',
        tenants: [
          { id: a.id, name: 'Alpha' },
          { id: b.id, name: 'Beta' },
        ],
      });
      const seen = async () => (await browser.call('GET', '/api/v1/connectors')).body.items.map(({ tenantId }: { tenantId: string }) => tenantId);
      t.same(await seen(), [a.id]);
      t.equal((await browser.call('GET', `/api/v1/connectors/${b.connectorId}`)).status, 404);
      t.match((await browser.call('PATCH', '/api/v1/session', { tenantId: b.id })).body, { tenantId: b.id, tenant: 'Beta' });
      t.same(await seen(), [b.id]);
      for (const tenantId of [c.id, null, uuidv7(), 'x', 7])
        t.equal((await browser.call('PATCH', '/api/v1/session', { tenantId })).status, 400, String(tenantId));
      const root = await addUser(store, { roles: ['superadmin'] });
      const other = openBrowser(desk);
      await other.call('POST', '/api/v1/session', { username: root.username, password: quickPassword });
      const narrowed = await other.call('PATCH', '/api/v1/session', { tenantId: c.id });
      t.match(narrowed.body, { tenantId: c.id, tenant: 'Gamma' });
      t.notOk(narrowed.body.permissions.includes('tenant:write'), 'within one tenant nobody makes tenants');
      t.equal((await other.call('PATCH', '/api/v1/session', { tenantId: null })).body.tenantId, null);
    });

    await withDesk('the last administrator stays, and nobody locks himself out', async (t, desk) => {
      const page = await store.users.list(system, { limit: 200, role: 'superadmin' });
      for (const { id, version } of page.items) if (page.items.length > 0) await store.users.remove(system, id, version);
      const left = (await store.users.list(system, { limit: 200, role: 'superadmin' })).items.filter(({ tenantIds }) => tenantIds === null);
      t.equal(left.length, 1, 'of all there were one could not be removed');
      const only = left[0] ?? { id: '' };
      const root = await desk.as('superadmin', null);
      const url = `/api/v1/users/${only.id}`;
      t.equal(problemCode(await root('DELETE', url, undefined, { 'if-match': '*' })), 'last-administrator');
      for (const patch of [{ status: 'inactive' }, { roles: ['viewer'] }]) {
        t.equal(problemCode(await root('PATCH', url, patch, { 'if-match': '*' })), 'last-administrator', JSON.stringify(patch));
      }
      const second = await addUser(store, { roles: ['superadmin'] });
      const browser = openBrowser(desk);
      await browser.call('POST', '/api/v1/session', { username: second.username, password: quickPassword });
      const own = `/api/v1/users/${second.id}`;
      t.equal(problemCode(await browser.call('DELETE', own, undefined, { 'if-match': '*' })), 'wrong-state');
      t.equal(problemCode(await browser.call('PATCH', own, { status: 'inactive' }, { 'if-match': '*' })), 'wrong-state');
      t.equal((await browser.call('DELETE', url, undefined, { 'if-match': '*' })).status, 204, 'now there is another');
    });

    await withDesk('four eyes: two different people approve, none of them had a hand in the profile', async (t, desk) => {
      const { id: tenantId, connectorId } = await desk.addTenant();
      const tokenOfA = await desk.as('admin', tenantId);
      const people = async (...names: string[]) => {
        const browsers: Record<string, ReturnType<typeof openBrowser> & { readonly id: string }> = {};
        for (const name of names) {
          const { id, username } = await addUser(store, { roles: ['admin'], tenantIds: [tenantId] });
          const browser = openBrowser(desk, { ip: `198.51.100.${desk.lines.length % 250}` });
          await browser.call('POST', '/api/v1/session', { username, password: quickPassword });
          browsers[name] = Object.assign(browser, { id });
        }
        return browsers as { editor: (typeof browsers)[string]; first: (typeof browsers)[string]; second: (typeof browsers)[string] };
      };
      const { editor, first, second } = await people('editor', 'first', 'second');
      const policy = { approval: { mode: 'manual', approvers: 2, notEditors: true } };
      const made = await editor.call('POST', '/api/v1/cmp-profiles', { name: `P ${uuidv7()}`, connectorId, policy });
      t.equal(made.status, 201, made.text);
      const orderOf = () =>
        desk.stores.addOrder({
          tenantId,
          profileId: made.body.id,
          connectorId,
          state: 'AWAITING_APPROVAL',
          device: uuidv7(),
          transactionId: uuidv7(),
          subject: 'CN=x',
        });
      const order = await orderOf();
      const approve = (by: { call: Browser['call'] }, id = order) => by.call('POST', `/api/v1/orders/${id}/approve`, { reason: 'seen' });
      const reasonOf = (answer: Answer) => [answer.status, problemCode(answer), answer.body.reason];
      t.same(reasonOf(await approve(editor)), [403, 'needs-others', 'editor']);
      const byToken = await tokenOfA('POST', `/api/v1/orders/${order}/approve`, { reason: 'x' });
      t.same(reasonOf(byToken), [403, 'needs-others', 'not-a-person']);
      t.match(await approve(first), { status: 200, body: { state: 'AWAITING_APPROVAL' } });
      t.same(reasonOf(await approve(first)), [403, 'needs-others', 'again']);
      t.match((await second.call('GET', `/api/v1/orders/${order}/approvals`)).body, { needed: 2, items: [{ actor: `user:${first.id}`, reason: 'seen' }] });
      t.match(await approve(second), { status: 200, body: { state: 'ACCEPTED' } });
      t.equal(problemCode(await approve(second)), 'wrong-state', 'it does not wait any more');

      const racing = await orderOf();
      await Promise.all([approve(first, racing), approve(second, racing)]);
      t.match((await first.call('GET', `/api/v1/orders/${racing}`)).body, { state: 'ACCEPTED' }, 'two at once are two');
      const denied = await orderOf();
      await approve(first, denied);
      t.match(
        await second.call('POST', `/api/v1/orders/${denied}/deny`, { reason: 'no' }),
        { status: 200, body: { state: 'REJECTED' } },
        'one denial is enough',
      );
      const many = await orderOf();
      const bulk = await editor.call('POST', '/api/v1/orders/bulk/approve', { ids: [many], reason: 'x' });
      t.match(bulk.body, { done: 0, items: [{ ok: false, problem: { reason: 'editor' } }] }, 'nor by the many');

      const { token, id: tokenId } = (await first.call('POST', '/api/v1/tokens', { name: 'edits', role: 'admin' })).body;
      const { etag = '' } = (await first.call('GET', `/api/v1/cmp-profiles/${made.body.id}`)).headers;
      const edited = await desk.call(token)('PATCH', `/api/v1/cmp-profiles/${made.body.id}`, { description: 'by token' }, { 'if-match': etag });
      t.equal(edited.status, 200, edited.text);
      t.same(reasonOf(await approve(first, await orderOf())), [403, 'needs-others', 'editor'], `who edits by token ${tokenId} edits`);
      const noted = (await desk.stores.auditEvents()).filter(({ action }) => action === 'order.approval-noted');
      t.ok(noted.some(({ object, actor }) => object === `order:${order}` && actor === `user:${first.id}`));
    });

    await withDesk('tokens: shown once, scoped, expiring, revoked', async (t, desk) => {
      const { id: tenantId, admin } = await desk.addTenant();
      const other = await desk.addTenant();
      const made = await admin('POST', '/api/v1/tokens', { name: 'deploy', role: 'operator', permissions: ['order:read', 'order:approve'] });
      t.match(made, { status: 201, body: { name: 'deploy', tenantId, permissions: ['order:read', 'order:approve'], createdBy: /^token:/, token: /^gh_/ } });
      const ninety = Date.parse(made.body.expiresAt) - desk.clock.now().getTime();
      t.equal(Math.round(ninety / 86_400_000), 90, 'ninety days where nothing is said');
      const call = desk.call(made.body.token);
      t.equal((await call('GET', '/api/v1/orders')).status, 200);
      t.equal((await call('GET', '/api/v1/connectors')).status, 403, 'its role could, the token may not');
      t.equal((await call('GET', '/api/v1/session/all')).status, 403, 'a token has no sessions');
      t.same((await call('GET', '/api/v1/session')).body.permissions, ['order:read', 'order:approve']);
      t.notOk('token' in (await admin('GET', `/api/v1/tokens/${made.body.id}`)).body);
      t.equal((await other.admin('GET', `/api/v1/tokens/${made.body.id}`)).status, 404);
      t.equal((await other.admin('DELETE', `/api/v1/tokens/${made.body.id}`)).status, 404);
      for (const [body, path] of [
        [{ name: 'x', role: 'superadmin' }, 'role'],
        [{ name: 'x', role: 'viewer', tenantId: other.id }, 'tenantId'],
        [{ name: 'x', role: 'viewer', tenantId: null }, 'tenantId'],
        [{ name: 'x', role: 'viewer', permissions: ['nothing'] }, 'permissions.0'],
      ] as const) {
        const refused = await admin('POST', '/api/v1/tokens', body);
        t.match([refused.status, refused.body.errors], [400, [{ path }]], path);
      }
      const writer = await admin('POST', '/api/v1/tokens', { name: 'w', role: 'admin', permissions: ['token:write', 'order:read'] });
      const byWriter = desk.call(writer.body.token);
      t.equal((await byWriter('POST', '/api/v1/tokens', { name: 'x', role: 'admin' })).status, 400, 'a scoped token makes no wider one');
      t.equal((await byWriter('POST', '/api/v1/tokens', { name: 'x', role: 'viewer' })).status, 400);
      t.equal((await byWriter('POST', '/api/v1/tokens', { name: 'x', role: 'viewer', permissions: ['order:read'] })).status, 201);
      const list = (await admin('GET', '/api/v1/tokens?q=deploy')).body;
      t.match(list, { total: 1, items: [{ lastUsedAt: String }] });
      t.notMatch(JSON.stringify(list), made.body.token);
      t.equal((await admin('DELETE', `/api/v1/tokens/${made.body.id}`)).status, 204);
      t.equal((await call('GET', '/api/v1/orders')).status, 401, 'from the next request on');
      const never = await admin('POST', '/api/v1/tokens', { name: 'never', role: 'viewer', expiresInDays: null });
      t.equal(never.body.expiresAt, null);
    });
  });
}

t.test('secrets are compared in constant time only', (t) => {
  const compared = ['password', 'totp'].map((name) => readFileSync(new URL(`../../src/tenancy/${name}.ts`, import.meta.url), 'utf8'));
  for (const text of compared) t.match(text, /timingSafeEqual\(/);
  // Session and token are looked up by their SHA-256: what an index gives away of a hash is no help in finding what has that hash.
  for (const [file, query] of [
    ['sessions', 's.token_hash = '],
    ['access', 'token_hash = '],
  ]) {
    t.ok(readFileSync(new URL(`../../src/store/${file}.ts`, import.meta.url), 'utf8').includes(query ?? ''));
  }
  t.end();
});
