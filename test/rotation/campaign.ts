import { type ChildProcess, spawn } from 'node:child_process';
import { sql } from 'kysely';
import { createLog } from '../../src/runtime/log.js';
import { createSealer } from '../../src/runtime/seal.js';
import { type Connection, rowsOf } from '../../src/store/connection/connection.js';
import { connectPglite } from '../../src/store/connection/pglite.js';
import { connectPostgres } from '../../src/store/connection/postgres.js';
import { describeStoreFault } from '../../src/store/fault.js';
import { openStore } from '../../src/store/open.js';
import { sealedColumns } from '../../src/store/rotate.js';
import type { Random } from '../support/random.js';

export interface Place {
  readonly name: string;
  /** `databaseUrl` of PostgreSQL, or PGlite's directory. */
  readonly at: string;
}

export interface RotationFigures {
  readonly kills: number;
  /** Changes of the master key that came to their end. */
  readonly rotations: number;
  /** Sealed values that were opened under the last key. */
  readonly opened: number;
  readonly unreadable: number;
  /** Servers that started, or answered with anything but that a rotation is unfinished or the key is wrong, while one was under way. */
  readonly wronglyOpened: number;
}

const log = createLog('silent');
const storeAt = (at: string) => (at.startsWith('postgres') ? { databaseUrl: at } : { dataDir: at });

/** Changes the master key again and again, each process killed (SIGKILL) at a random step, until so many were killed. */
export async function rotateUnderKills({ at }: Place, values: number, kills: number, random: Random): Promise<RotationFigures> {
  let key: Buffer = Buffer.alloc(32, 1);
  await fill(at, key, values);
  let [killed, rotations, wronglyOpened] = [0, 0, 0];
  while (killed < kills) {
    const next = random.bytes(32);
    const isKilled = await attempt(at, key, next, killed < kills ? 1 + random.below(Math.ceil(values / 100)) : undefined);
    if (!isKilled) {
      [key, rotations] = [next, rotations + 1];
      continue;
    }
    killed += 1;
    if (await opens(at, key)) wronglyOpened += 1;
    while (await attempt(at, key, next, killed < kills && random.oneIn(2) ? 1 + random.below(Math.ceil(values / 100)) : undefined)) killed += 1;
    [key, rotations] = [next, rotations + 1];
  }
  return { kills: killed, rotations, wronglyOpened, ...(await openAll(at, key)) };
}

const filledAtOnce = 20;

/** So many sealed answers of the API. */
export async function fill(at: string, masterKey: Buffer, values: number): Promise<void> {
  const opened = await openStore({ ...storeAt(at), masterKey, nodeId: 'node', log });
  if (!opened.ok) throw new Error(describeStoreFault(opened.error));
  const store = opened.value;
  await store.auditChain.key();
  const keep = async (index: number) => {
    const claim = await store.idempotency.claim({ tenantId: null, actor: 'a', key: `k${index}` }, 'f', new Date(Date.now() + 86_400_000));
    if (claim.kind === 'mine') await claim.held.keep({ status: 200, headers: {}, body: `answer ${index}` });
  };
  // A few at a time: whoever waits longer for a connection than five seconds is told that there is none.
  for (let from = 0; from < values; from += filledAtOnce) {
    await Promise.all(Array.from({ length: Math.min(filledAtOnce, values - from) }, (_, index) => keep(from + index)));
  }
  await store.close();
}

/** True when the process was killed after `steps` steps; false when it came to its end before. */
async function attempt(at: string, oldKey: Buffer, newKey: Buffer, steps: number | undefined): Promise<boolean> {
  const script = new URL('process.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, at, oldKey.toString('hex'), newKey.toString('hex')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { signal, code, output } = await outcomeOf(child, steps);
  if (signal === 'SIGKILL') return true;
  // It was killed after the last step and before it could say so: the new key is the one already.
  if (code !== 0 && !output.includes('wrong-master-key')) throw new Error(output);
  return false;
}

function outcomeOf(child: ChildProcess, steps: number | undefined): Promise<{ signal: string | null; code: number | null; output: string }> {
  let output = '';
  const read = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
    if (steps !== undefined && output.split('\n').length > steps && !output.includes('"ok"')) child.kill('SIGKILL');
  };
  child.stdout?.on('data', read);
  child.stderr?.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  return new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal, output })));
}

/** Whether a server would start with this key while a change is under way: it must not. */
async function opens(at: string, masterKey: Buffer): Promise<boolean> {
  const opened = await openStore({ ...storeAt(at), masterKey, nodeId: 'early', log });
  if (!opened.ok) return !['key-rotation-unfinished', 'wrong-master-key'].includes(opened.error.kind);
  await opened.value.close();
  return true;
}

/** Every sealed value of every table, in its place. */
export async function openAll(at: string, masterKey: Buffer): Promise<Pick<RotationFigures, 'opened' | 'unreadable'>> {
  const connection: Connection = at.startsWith('postgres')
    ? connectPostgres({ databaseUrl: at, applicationName: 'test', poolSize: 1, log })
    : await connectPglite(at);
  const sealer = createSealer(masterKey);
  let [opened, unreadable] = [0, 0];
  for (const { table, column, rowId, tenantId } of sealedColumns) {
    const rows = await rowsOf(
      connection,
      sql<{
        row_id: string;
        tenant_id: string;
        sealed: Buffer;
      }>`select ${sql.raw(rowId)} as row_id, ${sql.raw(tenantId)} as tenant_id, ${sql.ref(column)} as sealed
        from ${sql.table(table)} where ${sql.ref(column)} is not null`,
    );
    for (const row of rows) {
      const isOpen = sealer.open(row.sealed, { table, column, tenantId: row.tenant_id, rowId: row.row_id }).ok;
      if (isOpen) opened += 1;
      else unreadable += 1;
    }
  }
  await connection.close();
  return { opened, unreadable };
}
