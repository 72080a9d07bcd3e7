import { openApiDocument } from '../../src/admin/document.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import type { Store } from '../../src/store/store.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { type Role, roles } from '../../src/tenancy/role.js';
import { generateToken, hashToken } from '../../src/tenancy/token.js';
import { ownRoutes, publicRoutes, table } from './authorisation-table.js';
import type { Answer, Call, Desk, Json } from './desk.js';

/** A route, and what the table says of it. */
interface Route {
  readonly method: string;
  /** Below /api/v1, with `{name}` for parameters. */
  readonly path: string;
  /** Of the table; `self`, `public`, or undefined where the table has no row. */
  readonly permission: string | undefined;
}

export interface Matrix {
  cells: number;
  /** What was answered otherwise than the table says. */
  readonly holes: string[];
  /** Of the document, but not of the table; and the other way round. */
  readonly unknown: readonly string[];
}

type Objects = Readonly<Record<string, string>>;

/** Stands in the names of everything that only one tenant may see. */
const mark = 'of tenant one only';

function permissionOf(route: string): string | undefined {
  if (publicRoutes.includes(route)) return 'public';
  if (ownRoutes.includes(route)) return 'self';
  return Object.keys(table).find((permission) => table[permission]?.routes.includes(route));
}

/** The routes of the document, and those that only the document or only the table has. */
export async function everyRoute(): Promise<{ readonly routes: readonly Route[]; readonly unknown: readonly string[] }> {
  const document: Json = JSON.parse(await openApiDocument());
  const served = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('/api/v1', '')}`),
  );
  const written = [...publicRoutes, ...ownRoutes, ...Object.values(table).flatMap((rule) => rule.routes)];
  const once = (all: readonly string[], others: readonly string[]) => all.filter((route) => !others.includes(route));
  const routes = served.map((route) => {
    const [method = '', path = ''] = route.split(' ');
    return { method, path, permission: permissionOf(route) };
  });
  return { routes, unknown: [...once(served, written), ...once(written, served), ...written.filter((route, at) => written.indexOf(route) !== at)] };
}

/** As the table says. */
export function may(permission: string | undefined, role: Role, isBound: boolean): boolean {
  const rule = table[permission ?? ''];
  if (rule === undefined || (rule.onlyWithoutTenant && isBound)) return false;
  return role === rule.also || roles.indexOf(role) >= roles.indexOf(rule.from);
}

/** One object of each kind, of one tenant; by the part of the path before its id. */
async function objectsOf(desk: Desk, store: Store, { id: tenantId, connectorId }: { id: string; connectorId: string }): Promise<Objects> {
  const root = await desk.as('superadmin', null);
  const made = async (path: string, body: object): Promise<string> => {
    const answer = await root('POST', `/api/v1/${path}`, body);
    if (answer.status !== 201) throw new Error(`${path}: ${answer.text}`);
    return answer.body.id;
  };
  const [scep, cmp] = [await made('scep-profiles', { name: `SCEP ${mark}`, connectorId }), await made('cmp-profiles', { name: `CMP ${mark}`, connectorId })];
  const order = await desk.stores.addOrder({
    tenantId,
    profileId: cmp,
    connectorId,
    device: 'one',
    subject: `CN=${mark}`,
    state: 'ISSUED',
    transactionId: uuidv7(),
  });
  const smtp = { server: 'mail.example.test', port: 25, from: 'a@example.test', tls: 'none' };
  const mailer = await made('connectors', { tenantId, name: `Mail ${mark}`, type: 'smtp', config: smtp });
  const rule = { tenantId, name: `Rule ${mark}`, connectorId: mailer, events: ['order-failed'], recipients: ['a@example.test'] };
  const user = { id: uuidv7(), username: `u${uuidv7()}`, email: null, displayName: mark, roles: ['viewer'], tenantIds: [tenantId], status: 'active' } as const;
  await store.users.create(systemContext('test'), { ...user, passwordHash: null, mustChangePassword: false, identity: null });
  const token = { id: uuidv7(), tenantId, name: `Token ${mark}`, role: 'viewer', expiresAt: null } as const;
  await store.access.addToken(tenantContext(tenantId, 'test'), token, Buffer.from(uuidv7()));
  const certificate = (await store.orderReader.find(systemContext('test'), order))?.certificateId ?? uuidv7();
  const rules = await made('notification-rules', rule);
  return {
    tenants: tenantId,
    connectors: connectorId,
    mailer,
    'scep-profiles': scep,
    'cmp-profiles': cmp,
    orders: order,
    certificates: certificate,
    'notification-rules': rules,
    users: user.id,
    tokens: token.id,
  };
}

/** Bodies that get past the schema, so that what they name is looked for. By the end of the route; the rest is refused before that, alike for all. */
const bodies: Readonly<Record<string, (of: Objects) => object>> = {
  'POST /cmp-profiles': (of) => ({ name: 'A', connectorId: of.connectors }),
  'POST /scep-profiles': (of) => ({ name: 'A', connectorId: of.connectors }),
  'POST /notification-rules': (of) => ({ name: 'A', connectorId: of.mailer, events: ['order-failed'], recipients: ['a@example.test'] }),
  'POST /connectors': (of) => ({
    tenantId: of.tenants,
    name: 'A',
    type: 'smtp',
    config: { server: 'a.example.test', port: 25, from: 'a@example.test', tls: 'none' },
  }),
  'POST /tokens': (of) => ({ tenantId: of.tenants, name: 'A', role: 'minter' }),
  'POST /users': (of) => ({ tenantIds: [of.tenants], username: 'some.body', roles: ['minter'] }),
  'PATCH /cmp-profiles/{id}': (of) => ({ connectorId: of.connectors }),
  'PATCH /scep-profiles/{id}': (of) => ({ connectorId: of.connectors }),
  'PATCH /users/{id}': (of) => ({ tenantIds: [of.tenants] }),
  'POST /connectors/bulk/status': (of) => ({ ids: [of.connectors], status: 'inactive' }),
  'POST /connectors/bulk/delete': (of) => ({ ids: [of.mailer] }),
  'POST /cmp-profiles/bulk/status': (of) => ({ ids: [of['cmp-profiles']], status: 'inactive' }),
  'POST /cmp-profiles/bulk/delete': (of) => ({ ids: [of['cmp-profiles']] }),
  'POST /scep-profiles/bulk/status': (of) => ({ ids: [of['scep-profiles']], status: 'inactive' }),
  'POST /scep-profiles/bulk/delete': (of) => ({ ids: [of['scep-profiles']] }),
  'POST /orders/bulk/approve': (of) => ({ ids: [of.orders], reason: 'test' }),
  'POST /orders/bulk/deny': (of) => ({ ids: [of.orders], reason: 'test' }),
  'POST /orders/bulk/acknowledge': (of) => ({ ids: [of.orders] }),
  'POST /orders/{id}/deny': () => ({ reason: 'test' }),
  'POST /certificates/{id}/revoke': () => ({ reason: 'unspecified' }),
  'POST /decode': () => ({ message: 'MAA=' }),
};

/** The live feed of orders never ends; with a parameter it does not know it is refused after the permission was looked at. */
const endless = new Set(['/orders/events']);

function ask(call: Call, { method, path }: Route, objects: Objects): Promise<Answer> {
  const kind = path.split('/')[1] ?? '';
  const url = path.replace('{id}', objects[kind] ?? objects.nothing ?? '').replace(/\{\w+\}/g, objects.nothing ?? '');
  const body = bodies[`${method} ${path}`]?.(objects) ?? (method === 'PATCH' ? { description: 'x' } : {});
  const sent = method === 'GET' || method === 'DELETE' ? undefined : body;
  const headers: Record<string, string> = method === 'PATCH' || method === 'DELETE' ? { 'if-match': '"1"' } : {};
  return call(method, `/api/v1${url}${endless.has(path) ? '?no=such' : ''}`, sent, headers);
}

/** What an answer says, without what differs between any two. */
function said({ status, text }: Answer): string {
  const same = text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>').replace(/"instance":"[^"]*"/, '');
  return `${status} ${same}`;
}

/** Everybody who asks: who it is, and how he calls. */
interface Callers {
  readonly anonymous: Call;
  readonly of: (role: Role, tenantId: string | null) => Call;
  /** A superadmin's token that is narrowed to this permission, and one that has everything but it. */
  readonly scoped: (permission: string) => { readonly only: Call; readonly allBut: Call };
}

async function callersOf(desk: Desk, tenants: readonly (string | null)[]): Promise<Callers> {
  const tokenOf = async (permissions: readonly string[]): Promise<Call> => {
    const token = generateToken();
    const narrowed = { id: uuidv7(), tenantId: null, name: 'narrowed', role: 'superadmin', expiresAt: null, permissions } as const;
    await desk.stores.access.addToken(systemContext('test'), narrowed, hashToken(token));
    return desk.call(token);
  };
  const calls = new Map<string, Call>();
  for (const role of roles) for (const tenantId of tenants) calls.set(`${role} ${tenantId}`, await desk.as(role, tenantId));
  const names = Object.keys(table);
  const narrow = new Map<string, { only: Call; allBut: Call }>();
  for (const name of names) narrow.set(name, { only: await tokenOf([name]), allBut: await tokenOf(names.filter((other) => other !== name)) });
  const nobody = { only: desk.anonymous, allBut: desk.anonymous };
  return {
    anonymous: desk.anonymous,
    of: (role, tenantId) => calls.get(`${role} ${tenantId}`) ?? desk.anonymous,
    scoped: (permission) => narrow.get(permission) ?? nobody,
  };
}

/** Objects are of the first tenant; callers are of the first, of another, and of none. `only` narrows the routes. */
export async function tryAll(desk: Desk, store: Store, only = /./): Promise<Matrix> {
  const [one, two] = [await desk.addTenant(`Tenant ${mark} ${uuidv7()}`), await desk.addTenant()];
  const theirs: Objects = { ...(await objectsOf(desk, store, one)), nothing: uuidv7() };
  const nothing: Objects = Object.fromEntries(Object.keys(theirs).map((kind) => [kind, uuidv7()]));
  const callers = await callersOf(desk, [null, one.id, two.id]);
  const { routes, unknown } = await everyRoute();
  const matrix: Matrix = { cells: 0, holes: [], unknown };
  const secrets = [mark, ...Object.values(theirs)];
  for (const route of routes.filter(({ path }) => only.test(path))) {
    const cell = (who: string, answer: Answer, isRight: boolean, wanted: string): void => {
      matrix.cells += 1;
      if (!isRight || answer.status >= 500) matrix.holes.push(`${route.method} ${route.path} as ${who}: ${answer.status}, wanted ${wanted}`);
    };
    await tryNobody(route, callers, nothing, cell);
    if (route.permission === 'public') continue;
    await tryScoped(route, callers, nothing, cell);
    for (const role of roles) {
      await tryRole(route, role, { callers, tenantId: null, who: `${role} of every tenant` }, nothing, cell);
      await tryOwn(route, role, callers.of(role, one.id), theirs, cell);
      const refused = await tryRole(route, role, { callers, tenantId: two.id, who: `${role} of another tenant` }, nothing, cell);
      await tryStranger(route, `${role} of another tenant`, callers.of(role, two.id), { theirs, refused, secrets }, cell);
    }
  }
  return matrix;
}

type Cell = (who: string, answer: Answer, isRight: boolean, wanted: string) => void;

async function tryNobody(route: Route, { anonymous }: Callers, nothing: Objects, cell: Cell): Promise<void> {
  const answer = await ask(anonymous, route, nothing);
  if (route.permission === 'public') cell('nobody', answer, answer.status !== 403, 'an answer');
  else cell('nobody', answer, answer.status === 401, '401');
}

async function tryScoped(route: Route, callers: Callers, nothing: Objects, cell: Cell): Promise<void> {
  const { permission = '' } = route;
  if (table[permission] === undefined) return;
  const { only, allBut } = callers.scoped(permission);
  const [taken, refused] = [await ask(only, route, nothing), await ask(allBut, route, nothing)];
  cell(`a token for ${permission} only`, taken, ![401, 403].includes(taken.status), 'no refusal');
  cell(`a token without ${permission}`, refused, refused.status === 403, '403');
}

interface Asker {
  readonly callers: Callers;
  readonly tenantId: string | null;
  readonly who: string;
}

async function tryRole(route: Route, role: Role, { callers, tenantId, who }: Asker, nothing: Objects, cell: Cell): Promise<Answer> {
  const answer = await ask(callers.of(role, tenantId), route, nothing);
  const isAllowed = may(route.permission, role, tenantId !== null);
  cell(who, answer, isAllowed ? ![401, 403].includes(answer.status) : answer.status === 403, isAllowed ? 'no refusal' : '403');
  return answer;
}

/** What removes is tried on what is not there alone: the others need the objects. */
async function tryOwn(route: Route, role: Role, call: Call, theirs: Objects, cell: Cell): Promise<void> {
  if (route.method === 'DELETE' || route.path.endsWith('/delete')) return;
  const answer = await ask(call, route, theirs);
  const isAllowed = may(route.permission, role, true);
  const isThere = route.method !== 'GET' || /\{(?!id\})/.test(route.path) || /\/(mails|audit-sinks|audit-events)\//.test(route.path) || answer.status !== 404;
  const isRight = isAllowed ? ![401, 403].includes(answer.status) && isThere : answer.status === 403;
  cell(`${role} of the tenant`, answer, isRight, isAllowed ? 'the object' : '403');
}

interface Foreign {
  readonly theirs: Objects;
  /** What was answered for what does not exist. */
  readonly refused: Answer;
  readonly secrets: readonly string[];
}

/** Another tenant's object is answered as one that does not exist, and no answer tells of it. */
async function tryStranger(route: Route, who: string, call: Call, { theirs, refused, secrets }: Foreign, cell: Cell): Promise<void> {
  const isNamed = route.path.includes('{id}') || bodies[`${route.method} ${route.path}`] !== undefined;
  if (isNamed) {
    const answer = await ask(call, route, theirs);
    cell(who, answer, said(answer) === said(refused) && !answer.text.includes(mark), `the answer of what does not exist, ${refused.status}`);
  }
  if (route.method !== 'GET' || route.path.includes('{')) return;
  const filtered = endless.has(route.path) ? refused : await call('GET', `/api/v1${route.path}?tenantId=${theirs.tenants}`);
  const told = [refused, filtered].some(({ text }) => secrets.some((secret) => text.includes(secret)));
  cell(`${who}, asking for the first`, filtered, !told, 'nothing of the first tenant');
}
