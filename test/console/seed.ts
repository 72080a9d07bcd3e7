import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NewOrder } from '../../src/enrolment/ports.js';
import { devMasterKey } from '../../src/master-key.js';
import { buildName, publicKeyOf } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { createLog } from '../../src/runtime/log.js';
import { describeStoreFault } from '../../src/store/fault.js';
import { openStore } from '../../src/store/open.js';
import type { Store } from '../../src/store/store.js';
import { tenantContext } from '../../src/tenancy/context.js';
import { createDatabase } from '../support/database.js';
import { newCertificate, newOrder, orderIn } from '../support/orders.js';
import { type RunningServer, startServer } from '../support/server.js';
import { firstOf } from './contents.js';

/** What no caller of the API can bring about: a CA that went silent, and one that issued what nobody here asked for. */
export interface Seeded {
  readonly server: RunningServer;
  /** Each with a key and a name of its own. */
  readonly stuck: readonly NewOrder[];
}

/** The subjects of the orders that are stuck, and of the certificates that no order knows. */
export const stuckSubjects = ['CN=again', 'CN=found', 'CN=hopeless'];
export const unknownSubjects = ['CN=stranger', 'CN=backup'];

interface Place {
  readonly tenantId: string;
  readonly profileId: string;
  readonly connectorId: string;
}

/** A server whose database was filled between two starts. */
export async function startSeeded(): Promise<Seeded> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-seeded-'));
  const database = await createDatabase();
  const env: Record<string, string> = database === undefined ? {} : { GATEHOUSE_DATABASE_URL: database.url };
  const first = await startServer({ dataDir, env });
  const [tenant, profile, connector] = await Promise.all(['/tenants', '/cmp-profiles', '/connectors'].map((path) => firstOf(first, path)));
  await first.stop();
  const place = { tenantId: tenant?.id ?? '', profileId: profile?.id ?? '', connectorId: connector?.id ?? '' };
  const opened = await openStore({
    ...(database === undefined ? {} : { databaseUrl: database.url }),
    dataDir: join(dataDir, 'db'),
    masterKey: await devMasterKey(dataDir),
    nodeId: 'seed',
    log: createLog('silent'),
  });
  if (!opened.ok) throw new Error(describeStoreFault(opened.error));
  const stuck = await fill(opened.value, place);
  await opened.value.close();
  const server = await startServer({ dataDir, env });
  const dispose = async (): Promise<void> => {
    await server.dispose();
    await database?.drop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { server: { ...server, dispose }, stuck };
}

async function fill(store: Store, { tenantId, ...of }: Place): Promise<readonly NewOrder[]> {
  const context = tenantContext(tenantId, 'device');
  const found = unknownSubjects.map((subject, place) => ({ record: newCertificate({ subject }), isOurs: place === 0, state: 'FOUND' as const }));
  await store.unknownCertificates.add(context, of.connectorId, found);
  const stuck: NewOrder[] = [];
  for (const subject of stuckSubjects) stuck.push(await orderIn(store.orders, context, 'STUCK', orderOf(subject, of)));
  return stuck;
}

function orderOf(subject: string, of: Omit<Place, 'tenantId'>): NewOrder {
  const base = newOrder({ ...of, protocol: 'cmp', subject });
  const { spki } = publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  return { ...base, request: { ...base.request, publicKey: spki, subject: buildName([[oids.commonName, subject.slice(3)]]).der, sans: [] } };
}
