import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { permissionNames } from '../../src/admin/permission.js';
import type { AdminParts } from '../../src/admin/ports.js';
import type { Store } from '../../src/store/store.js';
import { systemContext } from '../../src/tenancy/context.js';
import type { IdentityProvider } from '../../src/tenancy/identity-provider.js';
import { type Role, roles } from '../../src/tenancy/role.js';
import { testDatabases } from '../support/database.js';
import { table } from './authorisation-table.js';
import { identityOf, storesOf } from './browser.js';
import { type Desk, openDesk } from './desk.js';
import { everyRoute, may, tryAll } from './matrix.js';

t.setTimeout(1_800_000);

/** The table of the manual, by permission. */
function manual(): ReadonlyMap<string, { readonly from: Role; readonly also: string; readonly only: string }> {
  const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z]+[a-z-]*:[a-z-]+)` \| (\w+) \| (\w*) ?\| (\w*) ?\|$/gm)];
  return new Map(rows.map(([, name = '', from = '', also = '', only = '']) => [name, { from: from as Role, also, only }]));
}

t.test('table, manual, code and OpenAPI document name the same permissions and routes', async (t) => {
  t.same(
    Object.keys(table),
    [...permissionNames],
    'src/tenancy/permission.ts and test/admin/authorisation-table.ts name the same permissions, in the same sequence',
  );
  const written = Object.entries(table).map(([name, { from, also = '', onlyWithoutTenant }]) => [name, { from, also, only: onlyWithoutTenant ? 'yes' : '' }]);
  t.same([...manual()], written, 'the table of docs/security.md');
  t.same((await everyRoute()).unknown, [], 'every route stands once in test/admin/authorisation-table.ts: add a new one below the permission it must need');
});

/** For logins elsewhere, which this does not follow. */
const provider: IdentityProvider = { name: 'none', begin: async () => undefined, finish: async () => undefined, endUrl: async () => undefined };

/** Every request looks for its token; the same few tokens over and over need not be looked for in the database. */
function remembering(store: Store): Pick<Store, 'access'> {
  const found = new Map<string, ReturnType<Store['access']['findToken']>>();
  const findToken: Store['access']['findToken'] = (hash) => {
    const key = hash.toString('hex');
    const answer = found.get(key) ?? store.access.findToken(hash);
    found.set(key, answer);
    return answer;
  };
  return { access: { ...store.access, findToken } };
}

async function openMatrixDesk(store: Store, changes: Partial<AdminParts> = {}, prepare?: (app: FastifyInstance) => void): Promise<Desk> {
  // Thousands of refusals would be thousands of commits; that they are recorded is tested elsewhere.
  const audit = { ...store.audit, append: async () => undefined };
  const enrolmentTester = { enrol: async () => ({ outcome: 'failed', steps: [] }) as const };
  const parts = { audit, enrolmentTester, identity: identityOf(store, { provider }), ...remembering(store), ...changes };
  return openDesk(async () => storesOf(store), parts, prepare);
}

for (const database of testDatabases()) {
  t.test(`every route of the API as every role, in the own tenant, in another and in none, over ${database.name}`, async (t) => {
    const { store, close } = await database.open();
    t.teardown(close);
    const desk = await openMatrixDesk(store);
    t.teardown(() => desk.close());
    const matrix = await tryAll(desk, store);
    const { routes } = await everyRoute();
    t.comment(`${routes.length} routes, ${matrix.cells} cells, ${matrix.holes.length} holes`);
    t.same(matrix.holes, []);
    t.ok(matrix.cells > 20 * routes.length, `${matrix.cells} cells`);
  });
}

t.test('the table itself: more may who stands higher, save the minter; nobody who is bound may what is for the unbound', (t) => {
  for (const permission of permissionNames) {
    const held = roles.filter((role) => may(permission, role, false));
    t.equal(held.at(-1), 'superadmin', `${permission}: the superadmin has it`);
    if (table[permission]?.onlyWithoutTenant)
      t.notOk(
        roles.some((role) => may(permission, role, true)),
        `${permission}: nobody of one tenant`,
      );
  }
  t.end();
});

/** Holes for the matrix to find; each with what the found ones are about. */
function plantedHoles(
  store: Store,
): readonly { name: string; about: string; at: RegExp; parts?: Partial<AdminParts>; prepare?: (app: FastifyInstance) => void }[] {
  const identity = identityOf(store, { provider });
  const everybody = systemContext('hole');
  const open = (access: 'public' | 'tenant:read') => (app: FastifyInstance) =>
    void app.addHook('onRoute', (route) => {
      if (route.url.endsWith('/notification-rules/:id') && route.method === 'DELETE') route.config = { ...route.config, access };
    });
  const users = { ...identity.users, find: (_: unknown, id: string) => store.users.find(everybody, id) };
  const find: Store['certificates']['find'] = async (context, id) => {
    const found = await store.certificates.find(everybody, id);
    return found && context.tenantId !== null ? { ...found, tenantId: context.tenantId } : found;
  };
  return [
    { name: 'a route that needs no permission', about: 'notification-rules', at: /^DELETE \/notification-rules\/\{id\} as nobody/, prepare: open('public') },
    {
      name: 'a route that needs too little',
      about: 'notification-rules',
      at: /^DELETE \/notification-rules\/\{id\} as (viewer|auditor|operator|a token)/,
      prepare: open('tenant:read'),
    },
    {
      name: "a user who is found whatever the tenant, where the route's own look is blind too",
      about: 'users',
      at: /^\w+ \/users\/\{id\}/,
      parts: { identity: { ...identity, users } },
    },
    {
      name: "another tenant's certificate",
      about: 'certificates',
      at: /^GET \/certificates\/\{id\} as \w+ of another tenant/,
      parts: { certificates: { ...store.certificates, find } },
    },
  ];
}

t.test('planted holes are found, and nothing else', async (t) => {
  const [database] = testDatabases();
  if (database === undefined) throw new Error('no database');
  const { store, close } = await database.open();
  t.teardown(close);
  for (const { name, about, at, parts, prepare } of plantedHoles(store)) {
    const desk = await openMatrixDesk(store, parts, prepare);
    t.teardown(() => desk.close());
    const { holes } = await tryAll(desk, store, /^\/(users|certificates|notification-rules)\b/);
    t.ok(
      holes.some((hole) => at.test(hole)),
      `${name}: ${holes.find((hole) => at.test(hole))}`,
    );
    t.same(
      holes.filter((hole) => !hole.includes(` /${about}/`)),
      [],
      `${name}: nothing is found elsewhere`,
    );
  }
});
