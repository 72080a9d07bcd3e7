import { createHash } from 'node:crypto';
import type { InjectOptions } from 'fastify';
import type { IdentityParts } from '../../src/admin/index.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import type { Store } from '../../src/store/store.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { newOrder, orderIn } from '../support/orders.js';
import { type AdminStores, type Answer, type Desk, type SeededOrder, seededFacts } from './desk.js';

export const adminUrl = 'https://admin.example.test';

/** The parts of the API that people sign in by, over a store. */
export function identityOf(store: Store, changes: Partial<IdentityParts> = {}): IdentityParts {
  const { users, totp, sessions, signInLimits: limits, access: tokens } = store;
  return { users, totp, sessions, limits, tokens, times: { idleMs: 30 * 60_000, absoluteMs: 12 * 3_600_000 }, totpRoles: [], ...changes };
}

async function addOrder(store: Store, { tenantId, device, state, ...fields }: SeededOrder): Promise<string> {
  const accountIdentity = createHash('sha256').update(device).digest();
  const order = newOrder({ ...fields, id: uuidv7(), protocol: 'cmp', accountIdentity, facts: seededFacts, credential: 'secret:ref' });
  await orderIn(store.orders, tenantContext(tenantId, 'device'), state, order);
  return order.id;
}

/** A store as the desk takes it. */
export const storesOf = (store: Store, close: () => Promise<void> = async () => undefined): AdminStores => ({
  ...store,
  addOrder: (order) => addOrder(store, order),
  auditEvents: async () => (await store.audit.list(systemContext('cli'), { limit: 10_000 })).items,
  close,
});

export interface Browser {
  /** The value of the session's cookie. */
  cookie: string | undefined;
  call(method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer & { readonly setCookie: readonly string[] }>;
}

/** Keeps the cookies of one site and sends Origin as browsers do; `at` is the page the request comes from. */
export function openBrowser({ app }: Pick<Desk, 'app'>, options: { readonly at?: string; readonly ip?: string; readonly name?: string } = {}): Browser {
  const { at = adminUrl, ip = '192.0.2.1', name = '__Host-gatehouse' } = options;
  const browser: Browser = {
    cookie: undefined,
    async call(method, url, body, headers = {}) {
      const isSafe = method === 'GET' || method === 'HEAD';
      const cookie = browser.cookie === undefined ? {} : { cookie: `${name}=${browser.cookie}` };
      const all = { ...(isSafe ? {} : { origin: at }), ...cookie, ...headers };
      const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
      const payload = body === undefined ? {} : { payload: body as object };
      const answer = await app.inject({ method: method as 'GET', url, headers: kept, remoteAddress: ip, ...payload } as InjectOptions);
      const setCookie = [answer.headers['set-cookie'] ?? []].flat() as string[];
      for (const line of setCookie) {
        const [, key, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (key === name) browser.cookie = /Max-Age=0/.test(line) ? undefined : value;
      }
      const isJson = String(answer.headers['content-type']).includes('json');
      const parsed = isJson && answer.payload !== '' ? JSON.parse(answer.payload) : {};
      return { status: answer.statusCode, headers: answer.headers as Answer['headers'], text: answer.payload, body: parsed, setCookie };
    },
  };
  return browser;
}
