import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { createAddressGuard } from '../../src/connectors/address-guard.js';
import { createOidcProvider, type OidcSettings } from '../../src/connectors/oidc/index.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { createLog } from '../../src/runtime/log.js';
import { Secret } from '../../src/runtime/secret.js';
import { isRoleMapping, mapped, parseMapping } from '../../src/tenancy/claim-mapping.js';
import { systemContext } from '../../src/tenancy/context.js';
import type { Role } from '../../src/tenancy/role.js';
import { testDatabases } from '../support/database.js';
import { freePort } from '../support/server.js';
import { adminUrl, identityOf, openBrowser, storesOf } from './browser.js';
import { openDesk } from './desk.js';

t.setTimeout(300_000);

const secret = 'a secret of 32 signs, more or less';
const callback = '/api/v1/session/provider/callback';

const person = (name: string, groups: unknown) => ({ name: `${name} Person`, preferred_username: name, email: `${name}@example.test`, groups });
const people = {
  's-anna': person('anna', ['admins', 'cn=staff,dc=example']),
  's-ben': person('Ben', 'ops'),
  's-carl': person('carl', ['others']),
  's-taken': person('local', ['admins']),
  's-odd': { groups: ['ops'], preferred_username: 'Odd <b>Name</b>' },
};

async function startProvider(): Promise<{ readonly issuer: string; stop(): Promise<void> }> {
  const issuer = `http://127.0.0.1:${await freePort()}`;
  const env = {
    ...process.env,
    ISSUER: issuer,
    CLIENT_SECRET: secret,
    REDIRECT_URI: `${adminUrl}${callback}`,
    HOME_URI: `${adminUrl}/`,
    PEOPLE: JSON.stringify(people),
  };
  const file = fileURLToPath(new URL('../support/identity-provider-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const output: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => void output.push(chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => void (chunk.toString().includes(issuer) && resolve()));
    child.once('exit', () => reject(new Error(`the provider ended: ${output.join('')}`)));
  });
  return {
    issuer,
    stop: () =>
      new Promise((resolve) => {
        child.removeAllListeners('exit').once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

/** A browser at the provider: fills in its forms as `subject` until it is sent away, and returns where to. */
async function signInThere(start: string, subject: string): Promise<string> {
  const cookies = new Map<string, string>();
  let [url, body]: [string, URLSearchParams | undefined] = [start, undefined];
  for (let step = 0; step < 20; step += 1) {
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
    const answer = await fetch(url, { redirect: 'manual', headers, ...(body !== undefined && { method: 'POST', body }) });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    if (location !== null) {
      [url, body] = [new URL(location, url).href, undefined];
      if (url.startsWith(adminUrl)) return url;
      continue;
    }
    const page = await answer.text();
    const action = /<form[^>]*action="([^"]+)"/.exec(page)?.[1];
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1] ?? '';
    if (action === undefined) throw new Error(`no form: ${answer.status} ${page.slice(0, 400)}`);
    [url, body] = [new URL(action, url).href, new URLSearchParams({ prompt, login: subject, password: 'any' })];
  }
  throw new Error('the provider did not come to an end');
}

t.test('a mapping of claims', (t) => {
  const parsed = parseMapping('cn=admins,dc=x = admin; ops=operator\n*=viewer; ops=minter');
  t.same(
    [...(parsed ?? [])],
    [
      ['cn=admins,dc=x', ['admin']],
      ['ops', ['operator', 'minter']],
      ['*', ['viewer']],
    ],
  );
  t.same(mapped(parsed ?? new Map(), ['ops', 'unknown']), ['operator', 'minter', 'viewer']);
  t.equal(parseMapping('no target'), undefined);
  t.equal(parseMapping('=x'), undefined);
  t.equal(isRoleMapping(new Map([['x', ['god']]])), false);
  t.end();
});

t.test('signing in at a provider', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const [database] = testDatabases().slice(-1);
  if (database === undefined) throw new Error('no database');
  const { store, close } = await database.open();
  t.teardown(close);
  const settings: OidcSettings = {
    name: 'Example',
    issuer: provider.issuer,
    clientId: 'gatehouse',
    clientSecret: new Secret(secret),
    scopes: ['profile', 'email'],
    redirectUrl: `${adminUrl}${callback}`,
    homeUrl: `${adminUrl}/`,
    claim: 'groups',
    roles: (parseMapping('admins=admin; ops=operator; cn=staff,dc=example=minter') ?? new Map()) as Map<string, Role[]>,
    tenants: parseMapping('admins=*; ops=ops-team') ?? new Map(),
  };
  const guard = createAddressGuard(['127.0.0.1'], false);
  const log = createLog('silent');
  const oidc = createOidcProvider(settings, { guard, log });
  const desk = await openDesk(async () => storesOf(store), { identity: identityOf(store, { provider: oidc, totpRoles: ['admin'] }) });
  t.teardown(() => desk.close());
  const team = uuidv7();
  await store.tenants.create(systemContext('test'), { id: team, name: 'Ops team', slug: 'ops-team', status: 'active' });

  interface Visit {
    readonly browser: ReturnType<typeof openBrowser>;
    readonly loginCookie: string;
    readonly home: string;
  }
  const loginCookieOf = (lines: readonly string[]): string => /^__Host-gatehouse-login=([^;]*)/.exec(lines.join('\n'))?.[1] ?? '';
  const begin = async (browser: Visit['browser']) => {
    const started = await browser.call('GET', '/api/v1/session/provider');
    return { started, loginCookie: loginCookieOf(started.setCookie) };
  };
  const visit = async (subject: string, browser = openBrowser(desk)): Promise<Visit> => {
    const { started, loginCookie } = await begin(browser);
    const back = new URL(await signInThere(started.headers.location ?? '', subject));
    const answer = await browser.call('GET', `${back.pathname}${back.search}`, undefined, { cookie: `__Host-gatehouse-login=${loginCookie}` });
    return { browser, loginCookie, home: answer.headers.location ?? String(answer.status) };
  };

  await t.test('makes the user, with roles and tenants of the claim, and a session', async (t) => {
    t.match((await openBrowser(desk).call('GET', '/api/v1/session')).body, { provider: { name: 'Example', startUrl: '/api/v1/session/provider' } });
    const { browser, home } = await visit('s-anna');
    t.equal(home, `${adminUrl}/`);
    t.match((await browser.call('GET', '/api/v1/session')).body, {
      authenticated: true,
      roles: ['admin', 'minter'],
      tenantId: null,
      restriction: null,
      user: { username: 'anna', displayName: 'anna Person', email: 'anna@example.test', hasPassword: false },
    });
    t.equal((await browser.call('POST', '/api/v1/session/password', { currentPassword: 'x', newPassword: 'y' })).status, 409, 'no password here');
    const { browser: ben } = await visit('s-ben');
    t.match((await ben.call('GET', '/api/v1/session')).body, { roles: ['operator'], tenantId: team, user: { username: 'ben' } });
    const { browser: odd } = await visit('s-odd');
    t.match((await odd.call('GET', '/api/v1/session')).body, { user: { username: /^oidc-[0-9a-f]{24}$/ } });
    await visit('s-anna');
    t.match(await store.users.list(systemContext('test'), { limit: 10, q: 'anna' }), { total: 1 }, 'once');
  });

  await t.test('follows the claim at every login, and lets nobody in whom it does not name', async (t) => {
    t.equal((await visit('s-carl')).home, `${adminUrl}/?loginError=no-access`);
    const [anna] = (await store.users.list(systemContext('test'), { limit: 10, q: 'anna' })).items;
    if (anna === undefined) throw new Error('no anna');
    await store.users.update(systemContext('test'), anna.id, anna.version, { roles: ['superadmin'] });
    const { browser } = await visit('s-anna');
    t.same((await browser.call('GET', '/api/v1/session')).body.roles, ['admin', 'minter']);
    const now = await store.users.find(systemContext('test'), anna.id);
    await store.users.update(systemContext('test'), anna.id, now?.version ?? 0, { status: 'inactive' });
    t.match((await browser.call('GET', '/api/v1/session')).body, { authenticated: false });
    t.equal((await visit('s-anna')).home, `${adminUrl}/?loginError=no-access`, 'inactive here is inactive');
    const failed = (await desk.stores.auditEvents()).filter(({ actor, action }) => actor === 'identity-provider' && action === 'login.failed');
    t.match(failed[0], { details: { reason: 'no-access' } });
  });

  await t.test('never takes over a local user of the same name', async (t) => {
    const local = { id: uuidv7(), username: 'local', email: null, displayName: '', roles: ['superadmin'], tenantIds: null, status: 'active' } as const;
    await store.users.create(systemContext('test'), { ...local, passwordHash: '$scrypt$x', mustChangePassword: false, identity: null });
    const { browser, home } = await visit('s-taken');
    t.equal(home, `${adminUrl}/?loginError=name-taken`);
    t.match((await browser.call('GET', '/api/v1/session')).body, { authenticated: false });
  });

  await t.test('refuses what is not the answer to its own question', async (t) => {
    const refused = `${adminUrl}/?loginError=login-not-verified`;
    const browser = openBrowser(desk);
    const { started, loginCookie } = await begin(browser);
    const back = new URL(await signInThere(started.headers.location ?? '', 's-ben'));
    const send = async (search: string, cookie: string) =>
      (await browser.call('GET', `${callback}${search}`, undefined, cookie === '' ? {} : { cookie: `__Host-gatehouse-login=${cookie}` })).headers.location;
    const other = (await begin(openBrowser(desk))).loginCookie;
    t.equal(await send(back.search, ''), refused, 'another browser (login CSRF)');
    t.equal(await send(back.search, other), refused, 'another login');
    t.equal(await send(back.search, `${loginCookie.slice(0, -4)}AAAA`), refused, 'a changed cookie');
    t.equal(await send(back.search.replace(/state=[^&]+/, 'state=x'), loginCookie), refused, 'another state');
    t.equal(await send(back.search.replace(/iss=[^&]+/, 'iss=https%3A%2F%2Fevil.example'), loginCookie), refused, 'another issuer (RFC 9207)');
    t.equal(await send(back.search.replace(/code=[^&]+/, 'code=x'), loginCookie), refused, 'another code');
    t.equal(await send('?error=access_denied', loginCookie), refused);
    t.match(started.setCookie.join(), /^__Host-gatehouse-login=[\w-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    t.equal(await send(back.search, loginCookie), `${adminUrl}/`, 'the right one');
    t.equal(await send(back.search, loginCookie), refused, 'once');
    const late = await begin(browser);
    const lateBack = new URL(await signInThere(late.started.headers.location ?? '', 's-ben'));
    desk.clock.advance(11 * 60_000);
    t.equal(await send(lateBack.search, late.loginCookie), refused, 'not after ten minutes');
  });

  await t.test('signs out there too', async (t) => {
    const { browser } = await visit('s-ben');
    const { endUrl } = (await browser.call('DELETE', '/api/v1/session')).body;
    const url = new URL(endUrl);
    t.equal(url.origin, provider.issuer);
    t.equal(url.searchParams.get('post_logout_redirect_uri'), `${adminUrl}/`);
    t.ok(url.searchParams.get('id_token_hint'));
    t.equal((await fetch(url)).status, 200, 'the provider takes it');
  });

  await t.test('says so when the provider is away, or may not be spoken to', async (t) => {
    const away = createOidcProvider({ ...settings, issuer: `http://127.0.0.1:${await freePort()}` }, { guard, log });
    t.equal(await away.begin(), undefined);
    const forbidden = createOidcProvider(settings, { guard: createAddressGuard(['10.0.0.1'], false), log });
    t.equal(await forbidden.begin(), undefined);
    const wrong = createOidcProvider({ ...settings, clientSecret: new Secret('not the secret of the client at all') }, { guard, log });
    const begun = await wrong.begin();
    const back = new URL(await signInThere(begun?.url ?? '', 's-ben'));
    t.equal(begun === undefined ? 'none' : await wrong.finish(back.search.slice(1), begun.login), undefined, 'with a wrong client secret');
  });
});
