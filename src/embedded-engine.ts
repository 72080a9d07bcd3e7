import type { Config } from './config.js';
import { createEngine, createEngineClients, type Engine, type EngineClients, registerEngineApi } from './crypto-engine/index.js';
import type { Clock } from './runtime/clock.js';
import type { Log } from './runtime/log.js';
import { deriveKey } from './runtime/seal.js';
import type { Store } from './store/store.js';

/** The engine that ships inside, with what it serves to others. */
export interface EmbeddedEngine {
  readonly engine: Engine;
  readonly clients: EngineClients;
  /** Crypto Engine API v1, in a scope of its own. */
  serveApi(scope: Parameters<typeof registerEngineApi>[0]): void;
  /** The configuration has changed, here or in another process. */
  reload(): Promise<void>;
}

/** Loads the CAs of the embedded engine, and makes them on the very first start. */
export async function embeddedEngine(config: Config, store: Store, masterKey: Buffer, clock: Clock, log: Log): Promise<EmbeddedEngine> {
  const publicBaseUrl = config.deviceUrl;
  const ocspUrl = `${publicBaseUrl.replace(/\/+$/, '')}/ocsp`;
  const engine = createEngine({ store: store.engine, clock, publicBaseUrl, ocspUrl, keyType: config.engineKey });
  await engine.ensureCas();
  const clients = createEngineClients(store.engineClients);
  return {
    engine,
    clients,
    serveApi: (scope) => registerEngineApi(scope, { engine, clock, log, clients, tokenKey: deriveKey(masterKey, 'engine-api'), version: '1.0' }),
    async reload() {
      await engine.reload();
      // Who may call the engine's API is asked where that is served.
      if (!config.isDeviceOnly) await clients.reload();
    },
  };
}
