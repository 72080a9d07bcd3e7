import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compose } from '../../../src/compose.js';
import { parseConfig } from '../../../src/config.js';
import { uuidv7 } from '../../../src/runtime/ids.js';
import { createLog } from '../../../src/runtime/log.js';
import { systemContext } from '../../../src/tenancy/context.js';
import type { Role } from '../../../src/tenancy/role.js';
import { generateToken, hashToken } from '../../../src/tenancy/token.js';
import { createDatabase } from '../../support/database.js';
import { freePort } from '../../support/server.js';

/** A whole node in this process, with both listeners, and what its log says of failed requests. */
export interface ApiNode {
  readonly base: string;
  /** `PGlite`, or `PostgreSQL` where TEST_DATABASE_URL is set. */
  readonly database: string;
  readonly tenantId: string;
  /** Lines of level error and above, oldest first. */
  readonly complaints: string[];
  tokenFor(role: Role, tenantId: string | null): Promise<string>;
  isValid(token: string): Promise<boolean>;
  close(): Promise<void>;
}

/** PostgreSQL works in processes of its own; PGlite shares this one's core with the node, its jobs and the caller, and answers a fifth as often. */
export async function openNode(): Promise<ApiNode> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-api-fuzz-'));
  const database = await createDatabase();
  const admin = `127.0.0.1:${await freePort()}`;
  const parsed = parseConfig({
    GATEHOUSE_DATA_DIR: folder,
    GATEHOUSE_LISTEN: `127.0.0.1:${await freePort()}`,
    GATEHOUSE_ADMIN_LISTEN: admin,
    ...(database !== undefined && { GATEHOUSE_DATABASE_URL: database.url }),
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const complaints: string[] = [];
  const log = createLog('error', { write: (line: string) => void complaints.push(line) });
  const composed = await compose(parsed.value, log);
  if (!composed.ok) throw new Error(composed.error.message);
  const node = composed.value;
  const listening = await node.listen();
  if (!listening.ok) throw new Error(listening.error.message);
  const [tenant] = (await node.store.tenants.list(systemContext('fuzz'), { limit: 1 })).items;
  return {
    base: `http://${admin}`,
    database: database === undefined ? 'PGlite' : 'PostgreSQL',
    tenantId: tenant?.id ?? '',
    complaints,
    async tokenFor(role, tenantId) {
      const token = generateToken();
      await node.store.access.addToken(systemContext('fuzz'), { id: uuidv7(), tenantId, name: `fuzz ${role}`, role, expiresAt: null }, hashToken(token));
      return token;
    },
    isValid: async (token) => (await node.store.access.findToken(hashToken(token))) !== undefined,
    async close() {
      await node.close();
      await database?.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
