import Fastify, { type FastifyBaseLogger, type FastifyInstance, type InjectOptions } from 'fastify';
import { type AdminDeps, type AdminParts, answerFrameworkErrors, defaultLimits, memoryIdempotencyStore, registerAdmin } from '../../src/admin/index.js';
import type { AuditEvent } from '../../src/audit/event.js';
import { createEngineClients } from '../../src/crypto-engine/index.js';
import type { OrderState } from '../../src/enrolment/order.js';
import { type Clock, stoppedClock } from '../../src/runtime/clock.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { createLog } from '../../src/runtime/log.js';
import type { ChallengeStore } from '../../src/tenancy/challenge.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import type { AccessStore, Role } from '../../src/tenancy/ports.js';
import { generateToken, hashToken } from '../../src/tenancy/token.js';
import { memoryEngineClients } from '../support/memory-engine-clients.js';
import { memoryVendorDevices } from '../support/memory-vendor-devices.js';

/** The stores behind the API, and ways to look behind it. */
export interface AdminStores
  extends Pick<
    AdminDeps,
    | 'tenants'
    | 'connectors'
    | 'profiles'
    | 'credentials'
    | 'challenges'
    | 'orderReader'
    | 'orders'
    | 'certificates'
    | 'refusals'
    | 'accounts'
    | 'audit'
    | 'idempotency'
    | 'vendorDevices'
    | 'approvals'
    | 'notificationRules'
    | 'mails'
  > {
  readonly access: Pick<AccessStore, 'addToken' | 'findToken'>;
  readonly challenges: Pick<ChallengeStore, 'mint' | 'find'>;
  /** Returns its id. */
  addOrder(order: SeededOrder): Promise<string>;
  auditEvents(): Promise<readonly AuditEvent[]>;
  /** Makes mails of what happened; absent where there are none. */
  makeMails?(): Promise<void>;
  close(): Promise<void>;
}

export type OpenStores = (clock: Clock) => Promise<AdminStores>;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  /** The parsed body; an empty object where there is none. */
  readonly body: Json;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into at any depth, and a wrong path fails the test that takes it
export type Json = any;

export type Call = (method: string, url: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

/** An admin listener over `open`'s stores, with ways to call it as different people. `prepare` sees it before any route is there. */
export async function openDesk(open: OpenStores, changes: Partial<AdminParts> = {}, prepare: (app: FastifyInstance) => void = () => undefined) {
  const clock = stoppedClock(new Date());
  const { addOrder, auditEvents, makeMails, close, ...stores } = await open(clock);
  const lines: string[] = [];
  const log = createLog('debug', { write: (line: string) => void lines.push(line) });
  let notices = 0;
  const deps: AdminParts = {
    idempotency: memoryIdempotencyStore(clock),
    vendorDevices: memoryVendorDevices(clock),
    stuckOrders: nothingStuck,
    givenUpRevocations: { retry: async () => false, close: async () => false },
    ...stores,
    challengeMacKey: Buffer.alloc(32, 7),
    deviceUrl: 'http://devices.example.test:8080',
    adminUrl: 'https://admin.example.test',
    clock,
    log,
    limits: defaultLimits,
    metrics: { text: async () => '' },
    notifyConfigChanged: () => {
      notices += 1;
    },
    prepareRaKeys: async () => 'ready',
    engineCas: {
      reload: async () => {},
      cas: () => [],
      prepareNext: async () => ({ ok: false, error: 'This test has no engine.' }),
      activateNext: async () => false,
      cancelNext: async () => false,
    },
    engineClients: createEngineClients(memoryEngineClients()),
    readiness: async () => ({ ready: true, checks: { database: 'ok' } }),
    connectorLog: {
      list: async () => ({ items: [], total: 0 }),
      figures: async () => ({ calls: 0, ok: 0, refused: 0, failed: 0, successRate: null, p50Ms: null, p95Ms: null }),
    },
    connectorHealth: { find: async () => undefined, states: async () => new Map(), history: async () => [] },
    connectorTester: {
      async test(connector, to) {
        const ok = connector.config.url !== 'https://down.example.test';
        const known = connector.secrets.clientSecret === undefined ? 'without a secret' : 'with a secret';
        const mail = ok && to !== undefined ? [{ name: 'mail', ok, message: to, ms: 1 }] : [];
        return { ok, steps: [{ name: 'tcp', ok, message: ok ? `connected ${known}` : 'refused', ms: 3 }, ...mail] };
      },
    },
    enrolmentTester: { enrol: async () => ({ outcome: 'issued', steps: [{ name: 'PKCSReq', ok: true, detail: 'Answered with SUCCESS.', ms: 1 }] }) },
    ruleTester: {
      test: async (_rule, recipients) => ({ ok: true, steps: recipients.map((name) => ({ name, ok: true, message: 'taken', ms: 1 })) }),
    },
    ...changes,
  };
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    genReqId: () => uuidv7(),
    frameworkErrors: answerFrameworkErrors(log),
    forceCloseConnections: true,
  });
  prepare(app as unknown as FastifyInstance);
  await registerAdmin(app, deps);
  await app.ready();

  const call =
    (token: string | null): Call =>
    async (method, url, body, headers = {}) => {
      const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
      const request = { method: method as 'GET', url, headers: { ...authorization, ...headers }, ...payloadOf(body) } as InjectOptions;
      const { statusCode, payload, headers: answered } = await app.inject(request);
      const isJson = /^application\/(.*\+)?json/.test(String(answered['content-type']));
      return { status: statusCode, headers: answered as Answer['headers'], text: payload, body: isJson && payload !== '' ? JSON.parse(payload) : {} };
    };

  const tokenFor = async (role: Role, tenantId: string | null, expiresAt: Date | null = null): Promise<string> => {
    const token = generateToken();
    await stores.access.addToken(systemContext('cli'), { id: uuidv7(), tenantId, name: `${role} of a test`, role, expiresAt }, hashToken(token));
    return token;
  };

  return {
    app,
    deps,
    stores: { ...stores, addOrder, auditEvents, ...(makeMails !== undefined && { makeMails }) },
    clock,
    lines,
    call,
    tokenFor,
    anonymous: call(null),
    notices: () => notices,
    as: async (role: Role, tenantId: string | null): Promise<Call> => call(await tokenFor(role, tenantId)),
    /** A tenant with a token of its administrator and a connector. */
    async addTenant(name = `Tenant ${uuidv7()}`) {
      const id = uuidv7();
      const tenant = await stores.tenants.create(systemContext('cli'), { id, name, slug: `t-${id}`, status: 'active' });
      if (!tenant.ok) throw new Error('no tenant');
      const connectorId = uuidv7();
      const config = { url: 'embedded:', clientId: '', dialect: 'crypto-engine-v1', timeoutMs: 15_000, maxProcessingMs: 60_000, concurrency: 16 };
      const connector = { id: connectorId, type: 'crypto-engine' as const, name: 'Engine', description: '', status: 'active' as const, config, secrets: {} };
      await stores.connectors.create(tenantContext(id, 'cli'), connector);
      return { id, name, connectorId, admin: call(await tokenFor('admin', id)) };
    },
    close: async () => {
      await app.close();
      await close();
    },
  };
}

const nothingStuck: NonNullable<AdminParts['stuckOrders']> = {
  retryStuck: async () => false,
  resolveStuck: async () => false,
  openRequest: async () => undefined,
};

export type Desk = Awaited<ReturnType<typeof openDesk>>;

function payloadOf(body: unknown): Pick<InjectOptions, 'payload'> {
  return body === undefined ? {} : { payload: body as string | object };
}

/** An order to be there before a test looks. */
export interface SeededOrder {
  readonly tenantId: string;
  readonly profileId: string;
  readonly connectorId: string;
  readonly state: OrderState;
  /** Whoever asked; an account each. */
  readonly device: string;
  readonly transactionId: string;
  readonly subject: string;
}

/** What every seeded order says of how it came. */
export const seededFacts = { clientIp: '192.0.2.7', clientFamily: 'openssl-cmp', keyType: 'P-256', digest: 'sha256', cipher: '' };
