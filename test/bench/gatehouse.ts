/** Gatehouse as a server under measurement. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, freePort, startChild, waitUntilReady } from './children.js';
import { tree } from './compiled.js';

export interface GatehouseOptions {
  readonly dataDir: string;
  readonly databaseUrl?: string;
  readonly processes: number;
  readonly engineKey: 'P-256' | 'RSA-2048';
}

export interface GatehouseServer {
  readonly child: Child;
  readonly scepUrl: string;
  readonly challenge: string;
  /** Start of the process to readiness of both listeners. */
  readonly startMs: number;
}

interface FirstRun {
  readonly scep: { readonly url: string; readonly challenge: string };
}

/** Starts it in dev mode on free ports and waits until it serves. A data directory used before is opened again. */
export async function startGatehouse(options: GatehouseOptions): Promise<GatehouseServer> {
  const device = `127.0.0.1:${await freePort()}`;
  const admin = `127.0.0.1:${await freePort()}`;
  const environment = {
    GATEHOUSE_MODE: 'dev',
    GATEHOUSE_DATA_DIR: options.dataDir,
    GATEHOUSE_LISTEN: device,
    GATEHOUSE_ADMIN_LISTEN: admin,
    GATEHOUSE_PROCESSES: String(options.processes),
    GATEHOUSE_ENGINE_KEY: options.engineKey,
    GATEHOUSE_LOG_LEVEL: 'warn',
    ...(options.databaseUrl === undefined ? {} : { GATEHOUSE_DATABASE_URL: options.databaseUrl }),
  };
  const begin = performance.now();
  const child = startChild(process.execPath, [join(tree, 'src/main.js')], environment, tree);
  await waitUntilReady(`http://${device}/readyz`, child);
  await waitUntilReady(`http://${admin}/readyz`, child);
  const startMs = performance.now() - begin;
  const made = JSON.parse(readFileSync(join(options.dataDir, 'first-run.json'), 'utf8')) as FirstRun;
  return { child, scepUrl: `http://${device}${new URL(made.scep.url).pathname}`, challenge: made.scep.challenge, startMs };
}
