import { createHash, randomBytes } from 'node:crypto';
import type { Account, AuditListQuery, CertificateListQuery, FoldedRefusal, RefusalListQuery } from '../../src/admin/ports.js';
import type { AuditEvent } from '../../src/audit/event.js';
import type { OrderDecisions } from '../../src/enrolment/approve.js';
import { issuedStates, type Order, phaseOf, refusedStates } from '../../src/enrolment/order.js';
import { type IssuedCertificate, type OrderReader, summaryWindows } from '../../src/enrolment/ports.js';
import type { Clock } from '../../src/runtime/clock.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { fail, ok, type Result } from '../../src/runtime/result.js';
import type { Connector, Tenant } from '../../src/tenancy/connector.js';
import type { Context } from '../../src/tenancy/context.js';
import type { SharedSecret } from '../../src/tenancy/credentials.js';
import type {
  AccessStore,
  ApiToken,
  ConnectorStore,
  CredentialStore,
  ListQuery,
  Page,
  ProfileListQuery,
  ProfileRow,
  ProfileStore,
  TenantStore,
  WriteFault,
} from '../../src/tenancy/ports.js';
import type { CmpProfile, Profile, ScepProfile } from '../../src/tenancy/profile.js';
import { memoryChallenges } from './memory-challenges.js';
import { memoryRaKeyStore } from './memory-credential-store.js';

interface Owned {
  readonly id: string;
  readonly tenantId: string;
  readonly createdAt: Date;
}

interface Stored {
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const isVisible = (context: Context, tenantId: string): boolean => context.tenantId === null || context.tenantId === tenantId;

/** The one run whose events are kept in memory. */
const memoryBoot = '01890000-0000-7000-8000-0000000000ff';

/** What the store throws for a cursor it did not make. */
class InvalidListQuery extends Error {
  override readonly name = 'InvalidListQuery';
}

/** Fields of rows that the API sorts by under another name. */
const columns: Readonly<Record<string, string>> = { tenant: 'tenantName', connector: 'connectorName' };

function sorted<T extends object>(items: readonly T[], sort = '-createdAt'): T[] {
  const field = sort.replace(/^-/, '');
  const direction = sort.startsWith('-') ? -1 : 1;
  const key = (item: T): string => {
    const value = (item as Record<string, unknown>)[columns[field] ?? field];
    return value instanceof Date ? value.toISOString() : String(value);
  };
  const id = (item: T): string => String((item as { id?: unknown }).id);
  const compare = (left: T, right: T): number => key(left).localeCompare(key(right)) || id(left).localeCompare(id(right));
  return [...items].sort((left, right) => direction * compare(left, right));
}

function pageOf<T extends object>(items: readonly T[], { limit, cursor, sort }: ListQuery): Page<T> {
  if (cursor !== undefined && !/^at-\d+$/.test(cursor)) throw new InvalidListQuery('The cursor is not one of this list.');
  const from = cursor === undefined ? 0 : Number(cursor.slice(3));
  const rest = sorted(items, sort).slice(from);
  return { items: rest.slice(0, limit), total: items.length, ...(rest.length > limit ? { nextCursor: `at-${from + limit}` } : {}) };
}

function contains(q: string | undefined, ...texts: readonly string[]): boolean {
  return q === undefined || texts.some((text) => text.toLowerCase().includes(q.toLowerCase()));
}

const equals = <T>(wanted: T | undefined, value: T): boolean => wanted === undefined || wanted === value;
const without = (change: object): object => Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));

/** The ports behind the admin API, in memory. `events` is the audit trail. */
export function memoryAdmin(clock: Clock) {
  const tenants = new Map<string, Tenant>();
  const connectors = new Map<string, Connector>();
  const profiles = new Map<string, Profile>();
  const secrets: SharedSecret[] = [];
  const tokens = new Map<string, ApiToken>();
  const orders: Order[] = [];
  const certificates: IssuedCertificate[] = [];
  const events: AuditEvent[] = [];
  let epoch = 0;
  const note = (context: Context, tenantId: string, action: string, object: string, details: AuditEvent['details'] = {}): void => {
    events.push({ at: clock.now(), tenantId, actor: context.actor, action, object, outcome: 'success', details });
  };

  const accounts = new Map<string, string>();
  const newAccount = (device: string): string => {
    accounts.set(device, uuidv7());
    return accounts.get(device) ?? '';
  };

  const fresh = (): Stored => ({ version: 1, createdAt: clock.now(), updatedAt: clock.now() });
  const next = (stored: Stored): Pick<Stored, 'version' | 'updatedAt'> => ({ version: stored.version + 1, updatedAt: clock.now() });
  const checked = <T extends Stored>(found: T | undefined, version: number | null): Result<T, WriteFault> => {
    if (found === undefined) return fail({ kind: 'not-found' });
    if (version !== null && found.version !== version) return fail({ kind: 'stale', version: found.version });
    return ok(found);
  };
  const seen = <T extends Owned>(map: Map<string, T>, context: Context, id: string): T | undefined => {
    const found = map.get(id);
    return found !== undefined && isVisible(context, found.tenantId) ? found : undefined;
  };

  const nameTaken = fail({ kind: 'conflict', field: 'name' } as const);
  const isConnectorNameTaken = (tenantId: string, id: string, name: string | undefined): boolean =>
    [...connectors.values()].some((other) => other.tenantId === tenantId && other.id !== id && other.name === name);
  const isProfileNameTaken = ({ id, tenantId, protocol, name }: Profile): boolean =>
    [...profiles.values()].some((other) => other.id !== id && other.tenantId === tenantId && other.protocol === protocol && other.name === name);

  const tenantStore: TenantStore = {
    async create(context, tenant) {
      if ([...tenants.values()].some(({ slug }) => slug === tenant.slug)) return fail({ kind: 'conflict', field: 'slug' });
      if ([...tenants.values()].some(({ name }) => name === tenant.name)) return nameTaken;
      const created = { ...tenant, ...fresh() };
      tenants.set(created.id, created);
      note(context, created.id, 'tenant.created', `tenant:${created.id}`);
      return ok(created);
    },
    async find(context, id) {
      return isVisible(context, id) ? tenants.get(id) : undefined;
    },
    async list(context, query) {
      const matching = [...tenants.values()].filter(
        ({ id, name, slug, status }) => isVisible(context, id) && equals(query.status, status) && contains(query.q, name, slug),
      );
      return pageOf(matching, query);
    },
    async update(context, id, version, change) {
      const found = checked(tenants.get(id), version);
      if (!found.ok) return found;
      if ([...tenants.values()].some((other) => other.id !== id && other.slug === change.slug)) return fail({ kind: 'conflict', field: 'slug' });
      if ([...tenants.values()].some((other) => other.id !== id && other.name === change.name)) return nameTaken;
      const updated = { ...found.value, ...without(change), ...next(found.value) };
      tenants.set(id, updated);
      note(context, id, 'tenant.updated', `tenant:${id}`);
      return ok(updated);
    },
  };

  const connectorStore: ConnectorStore = {
    async create(context, connector) {
      const { tenantId } = context;
      if (isConnectorNameTaken(tenantId, connector.id, connector.name)) return nameTaken;
      const times = fresh();
      const stamped = Object.fromEntries(Object.entries(connector.secrets).map(([name, value]) => [name, { value, updatedAt: times.createdAt }]));
      const created = { ...connector, tenantId, secrets: stamped, ...times };
      connectors.set(created.id, created);
      note(context, tenantId, 'connector.created', `connector:${created.id}`);
      return ok(created);
    },
    async find(context, id) {
      return seen(connectors, context, id);
    },
    async list(context, query) {
      const matching = [...connectors.values()].filter(
        ({ tenantId, status, type, name }) =>
          isVisible(context, tenantId) &&
          equals(query.status, status) &&
          equals(query.type, type) &&
          equals(query.tenantId, tenantId) &&
          contains(query.q, name, type, tenants.get(tenantId)?.name ?? ''),
      );
      return pageOf(matching, query);
    },
    async update(context, id, version, change) {
      const found = checked(seen(connectors, context, id), version);
      if (!found.ok) return found;
      const { secrets: changes = {}, ...fields } = change;
      if (isConnectorNameTaken(found.value.tenantId, id, fields.name)) return nameTaken;
      const stamped = { ...found.value.secrets };
      for (const [name, value] of Object.entries(changes)) {
        if (value === null) delete stamped[name];
        else stamped[name] = { value, updatedAt: clock.now() };
      }
      const updated = { ...found.value, ...without(fields), secrets: stamped, ...next(found.value) };
      connectors.set(id, updated);
      note(context, updated.tenantId, 'connector.updated', `connector:${id}`);
      return ok(updated);
    },
    async remove(context, id, version) {
      const found = checked(seen(connectors, context, id), version);
      if (!found.ok) return found;
      const usedBy = [...profiles.values()].filter(({ connectorId }) => connectorId === id).map(({ id: by, name }) => ({ type: 'profile', id: by, name }));
      if (usedBy.length > 0) return fail({ kind: 'in-use', usedBy });
      connectors.delete(id);
      note(context, found.value.tenantId, 'connector.removed', `connector:${id}`);
      return ok(true);
    },
    async summary(context) {
      const mine = [...connectors.values()].filter(({ tenantId }) => isVisible(context, tenantId));
      return {
        totalTenants: new Set(mine.map(({ tenantId }) => tenantId)).size,
        totalConnectors: mine.length,
        activeConnectors: mine.filter(({ status }) => status === 'active').length,
      };
    },
  };

  const countsOf = (profileId: string) => {
    const mine = orders.filter((order) => order.profileId === profileId);
    const count = (states: readonly string[]): number => mine.filter(({ state }) => states.includes(state)).length;
    return { success: count(issuedStates), failed: count(['FAILED', 'EXPIRED']), rejected: count(['REJECTED']), total: mine.length };
  };
  const rowOf = <P extends Profile>(profile: P): ProfileRow<P> => ({
    ...profile,
    tenantName: tenants.get(profile.tenantId)?.name ?? '',
    connectorName: connectors.get(profile.connectorId)?.name ?? '',
    orders: countsOf(profile.id),
  });
  const rateOf = (id: string): number | null => {
    const { success, failed, rejected } = countsOf(id);
    return success + failed + rejected === 0 ? null : (100 * success) / (success + failed + rejected);
  };
  const isWithin = (rate: number | null, { minSuccessRate, maxSuccessRate }: ProfileListQuery): boolean => {
    if (minSuccessRate === undefined && maxSuccessRate === undefined) return true;
    return rate !== null && rate >= (minSuccessRate ?? 0) && rate <= (maxSuccessRate ?? 100);
  };
  const listProfiles = <P extends Profile>(protocol: P['protocol'], context: Context, query: ProfileListQuery): Page<ProfileRow<P>> => {
    const rows = [...profiles.values()].filter((profile): profile is P => profile.protocol === protocol).map(rowOf);
    const matching = rows.filter(
      ({ id, tenantId, status, connectorId, name, tenantName }) =>
        isVisible(context, tenantId) &&
        equals(query.status, status) &&
        equals(query.tenantId, tenantId) &&
        equals(query.connectorId, connectorId) &&
        contains(query.q, name, tenantName) &&
        isWithin(rateOf(id), query),
    );
    return pageOf(matching, query);
  };
  const isPathTaken = ({ id, protocol, endpointPath }: Profile): boolean =>
    [...profiles.values()].some((other) => other.id !== id && other.protocol === protocol && other.endpointPath === endpointPath);
  const put = <P extends Profile>(context: Context, profile: P): Result<P, WriteFault> => {
    if (isPathTaken(profile)) return fail({ kind: 'conflict', field: 'endpointPath' });
    if (isProfileNameTaken(profile)) return nameTaken;
    profiles.set(profile.id, profile);
    epoch += 1;
    note(context, profile.tenantId, profile.version === 1 ? 'profile.created' : 'profile.updated', `profile:${profile.id}`);
    return ok(profile);
  };
  const update = <P extends Profile>(protocol: P['protocol'], context: Context, id: string, version: number, change: object): Result<P, WriteFault> => {
    const stored = seen(profiles, context, id);
    const found = checked(stored?.protocol === protocol ? stored : undefined, version);
    return found.ok ? put(context, { ...found.value, ...without(change), ...next(found.value) } as P) : found;
  };

  const profileStore: ProfileStore = {
    async createScep(context, profile) {
      return put<ScepProfile>(context, {
        ...profile,
        tenantId: context.tenantId,
        challengeUpdatedAt: profile.challengeMac === null ? null : clock.now(),
        ...fresh(),
      });
    },
    async createCmp(context, profile) {
      return put<CmpProfile>(context, { ...profile, tenantId: context.tenantId, ...fresh() });
    },
    async find(context, protocol, id) {
      const found = seen(profiles, context, id);
      return found === undefined || found.protocol !== protocol ? undefined : rowOf(found);
    },
    async listScep(context, query) {
      return listProfiles<ScepProfile>('scep', context, query);
    },
    async listCmp(context, query) {
      return listProfiles<CmpProfile>('cmp', context, query);
    },
    async updateScep(context, id, version, change) {
      const isNew = change.challengeMac !== undefined;
      return update<ScepProfile>('scep', context, id, version, { ...change, ...(isNew ? { challengeUpdatedAt: clock.now() } : {}) });
    },
    async updateCmp(context, id, version, change) {
      return update<CmpProfile>('cmp', context, id, version, change);
    },
    async remove(context, protocol, id, version) {
      const stored = seen(profiles, context, id);
      const found = checked(stored?.protocol === protocol ? stored : undefined, version);
      if (!found.ok) return found;
      profiles.delete(id);
      note(context, found.value.tenantId, 'profile.removed', `profile:${id}`);
      return ok(true);
    },
    async all() {
      return [...profiles.values()];
    },
    async configEpoch() {
      return epoch;
    },
  };

  const credentialStore: Pick<CredentialStore, 'addSharedSecret' | 'findSharedSecret' | 'listSharedSecrets' | 'retireSharedSecrets'> = {
    async addSharedSecret(context, secret) {
      const added = { ...secret, tenantId: context.tenantId, createdAt: clock.now() };
      note(context, context.tenantId, 'shared-secret.added', `profile:${secret.profileId}`, { reference: secret.reference });
      secrets.push(added);
      return ok(added);
    },
    async findSharedSecret({ tenantId }, profileId, reference) {
      return secrets.find(
        (secret) =>
          secret.tenantId === tenantId &&
          secret.profileId === profileId &&
          secret.reference === reference &&
          (secret.expiresAt === null || secret.expiresAt > clock.now()),
      );
    },
    async listSharedSecrets({ tenantId }, profileId) {
      return secrets.filter((secret) => secret.tenantId === tenantId && secret.profileId === profileId);
    },
    async retireSharedSecrets(context, profileId, exceptId, expiresAt) {
      const { tenantId } = context;
      note(context, tenantId, 'shared-secret.retired', `profile:${profileId}`);
      secrets.forEach((secret, index) => {
        const isOld = secret.tenantId === tenantId && secret.profileId === profileId && secret.id !== exceptId && secret.status === 'active';
        if (isOld) secrets[index] = { ...secret, status: 'retiring', expiresAt };
      });
    },
  };

  const access: Pick<AccessStore, 'addToken' | 'findToken'> = {
    async addToken(context, token, tokenHash) {
      const added = { permissions: null, createdBy: context.actor, ...token, createdAt: clock.now(), lastUsedAt: null };
      tokens.set(tokenHash.toString('hex'), added);
      return added;
    },
    async findToken(tokenHash) {
      const token = tokens.get(tokenHash.toString('hex'));
      return token === undefined || (token.expiresAt !== null && token.expiresAt <= clock.now()) ? undefined : token;
    },
  };

  const addCertificate = (
    { tenantId, profileId, connectorId, subject }: Pick<Order, 'tenantId' | 'profileId' | 'connectorId' | 'subject'>,
    orderId: string,
  ) => {
    const [id, der] = [uuidv7(), randomBytes(64)];
    const sha256 = createHash('sha256').update(der).digest();
    const times = { notBefore: clock.now(), notAfter: new Date(clock.now().getTime() + 86_400_000) };
    const names = { issuer: 'CN=Issuer', subject, sans: [], serial: randomBytes(16).toString('hex') };
    certificates.push({ id, tenantId, profileId, connectorId, orderId, der, sha256, status: 'valid', ...times, ...names });
    return id;
  };

  const orderReader: OrderReader = {
    async find(context, id) {
      return orders.find((order) => order.id === id && isVisible(context, order.tenantId));
    },
    async list(context, query) {
      const matching = orders.filter(
        (order) =>
          isVisible(context, order.tenantId) &&
          (['tenantId', 'protocol', 'profileId', 'connectorId', 'accountId', 'state', 'operation', 'transactionId'] as const).every((key) =>
            equals(query[key], order[key]),
          ) &&
          equals(query.phase, phaseOf(order.state)) &&
          (query.acknowledged === undefined || (phaseOf(order.state) === 'refused' && query.acknowledged === (order.acknowledgedAt !== null))) &&
          (query.since === undefined || order.createdAt >= query.since) &&
          (query.until === undefined || order.createdAt < query.until) &&
          contains(query.q, order.subject, order.transactionId),
      );
      return pageOf(matching, query);
    },
    async summary(context, protocol, window) {
      const ms = summaryWindows[window] * 3_600_000;
      const visible = orders.filter((order) => isVisible(context, order.tenantId) && order.protocol === protocol);
      const ageOf = (order: Order): number => clock.now().getTime() - order.createdAt.getTime();
      const figures = (mine: readonly Order[]) => {
        const count = (states: readonly string[]): number => mine.filter(({ state }) => states.includes(state)).length;
        const [issued, refused] = [count(issuedStates), count(refusedStates)];
        const times = mine.flatMap(({ finishedAt, createdAt }) => (finishedAt === null ? [] : [finishedAt.getTime() - createdAt.getTime()]));
        return {
          totalOrders: mine.length,
          successRate: issued + refused === 0 ? null : (100 * issued) / (issued + refused),
          failedOrders: count(['FAILED', 'EXPIRED']),
          activeFailedOrders: mine.filter((order) => phaseOf(order.state) === 'refused' && order.acknowledgedAt === null).length,
          averageProcessingMs: times.length === 0 ? null : times.reduce((sum, time) => sum + time, 0) / times.length,
          activeAccounts: new Set(mine.map(({ accountId }) => accountId)).size,
        };
      };
      const activeOrders = visible.filter(({ state }) => phaseOf(state) === 'open').length;
      const before = visible.filter((order) => ageOf(order) > ms && ageOf(order) <= 2 * ms);
      return { ...figures(visible.filter((order) => ageOf(order) <= ms)), activeOrders, previous: figures(before) };
    },
    async timeline(context, id) {
      const order = orders.find((one) => one.id === id && isVisible(context, one.tenantId));
      return order === undefined ? [] : [{ at: order.createdAt, state: order.state, actor: 'device', detail: '' }];
    },
  };

  return {
    tenants: tenantStore,
    connectors: connectorStore,
    profiles: profileStore,
    credentials: { ...memoryRaKeyStore(() => clock.now()), ...credentialStore },
    challenges: memoryChallenges(clock),
    access,
    orderReader,
    orders: {
      async move(context, orderId, from, to, reason) {
        const order = orders.find(({ id, tenantId }) => id === orderId && isVisible(context, tenantId));
        if (order === undefined || !from.includes(order.state)) return false;
        Object.assign(order, { state: to, ...(to === 'REJECTED' ? { failInfo: 'order-rejected', failReason: reason, finishedAt: clock.now() } : {}) });
        note(context, order.tenantId, `order.${to.toLowerCase().replaceAll('_', '-')}`, `order:${orderId}`, { state: to, reason });
        return true;
      },
      // The orders of this desk have no CA that could confirm a hold.
      changeHeld: async () => false,
      async acknowledge(context, orderId) {
        const order = orders.find(({ id, tenantId }) => id === orderId && isVisible(context, tenantId));
        if (order === undefined || phaseOf(order.state) !== 'refused') return false;
        Object.assign(order, { acknowledgedAt: order.acknowledgedAt ?? clock.now() });
        note(context, order.tenantId, 'order.acknowledged', `order:${orderId}`);
        return true;
      },
    } satisfies OrderDecisions,
    certificates: {
      async find(context: Context, id: string) {
        return certificates.find((certificate) => certificate.id === id && isVisible(context, certificate.tenantId));
      },
      async list(context: Context, query: CertificateListQuery) {
        const matching = certificates.filter(
          (item) =>
            isVisible(context, item.tenantId) &&
            (['tenantId', 'profileId', 'connectorId', 'orderId', 'status', 'serial'] as const).every((key) => equals<unknown>(query[key], item[key])) &&
            equals(query.sha256, item.sha256.toString('hex')) &&
            (query.expiresAfter === undefined || item.notAfter >= query.expiresAfter) &&
            (query.expiresBefore === undefined || item.notAfter < query.expiresBefore) &&
            contains(query.q, item.subject, item.serial),
        );
        return pageOf(matching, { ...query, sort: 'id' });
      },
    },
    refusals: { list: async (_context: Context, query: RefusalListQuery) => pageOf<FoldedRefusal>([], query) },
    accounts: { list: async (_context: Context, query: ListQuery) => pageOf<Account>([], query) },
    audit: {
      async list(context: Context, query: AuditListQuery) {
        const recorded = events.map((event, index) => ({ ...event, id: `${memoryBoot}:${index}`, nodeId: 'memory' }));
        const matching = recorded.filter(
          (event) =>
            (context.tenantId === null || event.tenantId === context.tenantId) &&
            (['tenantId', 'actor', 'action', 'object', 'outcome'] as const).every((key) => equals<unknown>(query[key], event[key])),
        );
        return pageOf(matching, query);
      },
      async find(context: Context, id: string) {
        const event = events[Number(id.replace(`${memoryBoot}:`, ''))];
        const isSeen = event !== undefined && (context.tenantId === null || event.tenantId === context.tenantId);
        return isSeen ? { ...event, id, nodeId: 'memory' } : undefined;
      },
      append: async (event: AuditEvent) => {
        events.push(event);
      },
    },
    events,
    /** An order that came to be in `state` a moment ago. */
    addOrder({
      device,
      state,
      ...fields
    }: { device: string } & Pick<Order, 'tenantId' | 'profileId' | 'connectorId' | 'state' | 'transactionId' | 'subject'>): string {
      const id = uuidv7(clock.now().getTime());
      const phase = phaseOf(state);
      const failure = phase === 'refused' ? { failInfo: 'order-failed', failReason: 'no' } : { failInfo: null, failReason: null };
      const facts = { clientIp: '192.0.2.7', clientFamily: 'openssl-cmp', keyType: 'P-256', digest: 'sha256', cipher: '' };
      const finishedAt = phase === 'open' ? null : clock.now();
      const certificateId = phase === 'issued' ? addCertificate(fields, id) : null;
      const common = { id, protocol: 'cmp', operation: 'enrolment', attempts: 1, certificateId, acknowledgedAt: null } as const;
      orders.push({
        ...common,
        ...fields,
        ...failure,
        state,
        accountId: accounts.get(device) ?? newAccount(device),
        facts,
        credential: 'secret:ref',
        createdAt: clock.now(),
        finishedAt,
      });
      return id;
    },
  };
}
