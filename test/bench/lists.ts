/** Every list, filter and summary over many stored orders: how long each takes, and whether it read the whole table of orders. */
import pg from 'pg';
import { createLog } from '../../src/runtime/log.js';
import { openStore } from '../../src/store/open.js';
import type { Store } from '../../src/store/store.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { type SeedExtent, seedLists } from './lists-seed.js';
import { createCluster } from './postgres.js';
import { type Row, say } from './report.js';

export interface ListExtent extends SeedExtent {
  readonly rounds: number;
}

type Case = readonly [string, () => Promise<unknown>];

const system = systemContext('bench');

/** What the console asks for: each filter alone, what is rare, what is far back, each order of sorting, the cards. */
async function casesOf(store: Store): Promise<readonly Case[]> {
  const { items: tenants } = await store.tenants.list(system, { limit: 50, sort: 'name' });
  const large = tenants.find(({ name }) => name === 'Tenant 0') ?? tenants[0];
  const { items: profiles } = await store.profiles.listScep(system, { limit: 1, sort: 'name' });
  const [first] = (await store.orderReader.list(system, { limit: 1 })).items;
  if (large === undefined || profiles[0] === undefined || first === undefined) throw new Error('nothing is stored');
  // A person of one tenant: behind row-level security, as in production.
  const bound = tenantContext(large.id, 'user:bench');
  const deep = async () => {
    let cursor: string | undefined;
    for (let page = 0; page < 5; page += 1) cursor = (await store.orderReader.list(system, { limit: 200, ...(cursor !== undefined && { cursor }) })).nextCursor;
  };
  const orders = (name: string, query: object, context: typeof system | typeof bound = system): Case => [
    `orders ${name}`,
    () => store.orderReader.list(context, { limit: 50, ...query }),
  ];
  return [
    orders('all', {}),
    orders('of a tenant', {}, bound),
    orders('of a profile', { profileId: profiles[0].id }),
    orders('of a device', { accountId: first.accountId }),
    orders('by transaction', { transactionId: first.transactionId }),
    ...(['ISSUED', 'CONFIRMED', 'FAILED', 'STUCK', 'REVOKED', 'EXPIRED'] as const).map((state) => orders(`state=${state}`, { state })),
    ...(['open', 'issued', 'refused'] as const).map((phase) => orders(`phase=${phase}`, { phase })),
    orders('not acknowledged', { acknowledged: false }),
    orders('acknowledged', { acknowledged: true }),
    orders('of a connector', { connectorId: first.connectorId }),
    orders('operation=revocation', { operation: 'revocation' }),
    orders('protocol=cmp', { protocol: 'cmp' }),
    orders('of a day', { since: new Date(Date.now() - 40 * 86_400_000), until: new Date(Date.now() - 39 * 86_400_000) }),
    orders('rare state of a tenant', { state: 'ISSUED' }, bound),
    orders('q, common', { q: 'device-1' }),
    orders('q, rare', { q: 'device-77777.' }),
    orders('q, nothing', { q: 'no such device' }),
    orders('q of a tenant', { q: 'device-77' }, bound),
    orders('state=ISSUED and q', { state: 'ISSUED', q: 'site-9' }),
    ...['createdAt', 'finishedAt', '-finishedAt', 'subject', '-subject', 'state', '-attempts'].map((sort) => orders(`sort=${sort}`, { sort })),
    orders('of a tenant, sort=subject', { sort: 'subject' }, bound),
    ['orders five pages deep', deep],
    ['certificates', () => store.certificates.list(system, { limit: 50 })],
    ['certificates q', () => store.certificates.list(system, { limit: 50, q: 'device-777' })],
    [
      'certificates expiring',
      () => store.certificates.list(bound, { limit: 50, sort: 'notAfter', expiresAfter: new Date(), expiresBefore: new Date(Date.now() + 7 * 86_400_000) }),
    ],
    ['certificates q of a tenant', () => store.certificates.list(bound, { limit: 50, q: 'device-777' })],
    ['certificates q, nothing', () => store.certificates.list(system, { limit: 50, q: 'no such device' })],
    ['accounts', () => store.accounts.list(system, { limit: 50 })],
    ['accounts q', () => store.accounts.list(system, { limit: 50, q: 'device-777' })],
    ['refusals', () => store.refusals.list(system, { limit: 50 })],
    ['profiles', () => store.profiles.listCmp(system, { limit: 50 })],
    ['profiles by success rate', () => store.profiles.listScep(bound, { limit: 50, sort: '-successRate', minSuccessRate: 50 })],
    ...(['24h', '7d', '30d'] as const).map((window): Case => [`summary ${window}`, () => store.orderReader.summary(system, 'scep', window)]),
    ['summary 30d of a tenant', () => store.orderReader.summary(bound, 'cmp', '30d')],
    ['dashboard', () => store.dashboard.read(system, 14)],
    ['dashboard of a tenant', () => store.dashboard.read(bound, 14)],
  ];
}

const percentile = (sorted: readonly number[], part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;

/** Sequential scans of orders since the server began to count. */
async function scansOf(client: pg.Client): Promise<number> {
  await client.query('select pg_stat_clear_snapshot()');
  const { rows } = await client.query<{ seq_scan: string }>(`select seq_scan from pg_stat_user_tables where relname = 'orders'`);
  return Number(rows[0]?.seq_scan ?? 0);
}

/** Measures on the database at `url`, which is filled already. Faults are lists that read all orders. */
export async function measureLists(url: string, rounds: number): Promise<readonly Row[]> {
  const opened = await openStore({ databaseUrl: url, dataDir: '', masterKey: Buffer.alloc(32, 1), nodeId: 'bench', log: createLog('fatal') });
  if (!opened.ok) throw new Error('the database could not be opened');
  const store = opened.value;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const rows: Row[] = [];
  try {
    for (const [name, ask] of await casesOf(store)) {
      await ask();
      const before = await scansOf(client);
      const times: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const start = performance.now();
        await ask();
        times.push(performance.now() - start);
      }
      // Sessions report their scans when they fall idle, a second after the last report at the latest.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      await ask();
      const scans = (await scansOf(client)) - before;
      times.sort((left, right) => left - right);
      const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
      say(
        `${name.padEnd(34)} p50 ${p50.toFixed(1).padStart(7)} ms   p99 ${p99.toFixed(1).padStart(7)} ms${scans > 0 ? `   ${scans} sequential scans of orders` : ''}`,
      );
      const window = { p50Ms: p50, p99Ms: p99, scans };
      rows.push({ path: name, floor: null, ours: p99, unit: 'ms p99', ratio: null, target: 100, goal: 30, direction: 'most', faults: 0, windows: [window] });
    }
  } finally {
    await client.end();
    await store.close();
  }
  return rows;
}

export async function listRows({ rounds, ...extent }: ListExtent): Promise<readonly Row[]> {
  const cluster = await createCluster();
  if (cluster === undefined) {
    say('PostgreSQL is not installed: lists are not measured');
    return [];
  }
  try {
    const opened = await openStore({ databaseUrl: cluster.url, dataDir: '', masterKey: Buffer.alloc(32, 1), nodeId: 'bench', log: createLog('fatal') });
    if (!opened.ok) throw new Error('the database could not be opened');
    await opened.value.close();
    await seedLists(cluster.url, extent);
    say(`${extent.orders} orders, ${extent.certificates} certificates, ${extent.tenants} tenants; every query ${rounds} times`);
    return await measureLists(cluster.url, rounds);
  } finally {
    cluster.remove();
  }
}
