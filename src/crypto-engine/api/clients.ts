import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { uuidv7 } from '../../runtime/ids.js';
import type { EngineClient, EngineClientStore } from '../ports.js';
import type { EngineCaller } from './access-token.js';

/** A client as administrators name it. */
export type NewEngineClient = Pick<EngineClient, 'clientId' | 'name' | 'scopes'>;

/** The clients of the engine's API: kept in the store, asked after in memory. */
export interface EngineClients {
  /** Reads the list again: another process may have changed it. */
  reload(): Promise<void>;
  /** Reads it again unless that was done a moment ago: before a client is refused that another process may have made. */
  catchUp(): Promise<void>;
  /** The client with this id and secret, or undefined; takes the same time whether the id is known or not. */
  authenticate(clientId: string, clientSecret: string): EngineCaller | undefined;
  /** What a client may do now; undefined when it was removed. Its tokens live on, and this ends them. */
  scopesOf(clientId: string): EngineCaller['scopes'] | undefined;
  list(): Promise<readonly EngineClient[]>;
  /** The secret, shown this once; undefined when the client id is taken. */
  create(client: NewEngineClient, actor: string): Promise<{ readonly client: EngineClient; readonly clientSecret: string } | undefined>;
  /** A new secret, shown this once; the old one ends with it. Undefined when there is no such client. */
  rotateSecret(id: string, actor: string): Promise<{ readonly client: EngineClient; readonly clientSecret: string } | undefined>;
  /** False when there is no such client. */
  remove(id: string, actor: string): Promise<boolean>;
}

type Known = EngineClient & { readonly secretHash: Buffer };

const noHash = Buffer.alloc(32);
/** However many unknown clients ask, the list is read no more often than this, in milliseconds. */
const momentMs = 50;
/** 256 random bits behind a mark that secret scanners find. */
const newSecret = (): string => `ghe_${randomBytes(32).toString('base64url')}`;
/** So many random bits need no slow hash. */
const hashOf = (secret: string): Buffer => createHash('sha256').update(secret, 'utf8').digest();

export function createEngineClients(store: EngineClientStore): EngineClients {
  let known: ReadonlyMap<string, Known> = new Map();
  let readAt = Number.NEGATIVE_INFINITY;
  let asked = 0;
  let answered = 0;

  async function reload(): Promise<void> {
    readAt = performance.now();
    const turn = ++asked;
    const clients = await store.listClients();
    // An answer that comes late says nothing of what was asked for since.
    if (turn < answered) return;
    answered = turn;
    known = new Map(clients.map((client) => [client.clientId, client]));
  }

  async function withSecret(id: string, clientSecret: string) {
    await reload();
    const client = [...known.values()].find((item) => item.id === id);
    return client === undefined ? undefined : { client: shown(client), clientSecret };
  }

  return {
    reload,
    async catchUp() {
      if (performance.now() - readAt >= momentMs) await reload();
    },
    authenticate(clientId, clientSecret) {
      const client = known.get(clientId);
      const isSame = timingSafeEqual(hashOf(clientSecret), client?.secretHash ?? noHash);
      return client !== undefined && isSame ? { clientId, scopes: client.scopes } : undefined;
    },
    scopesOf: (clientId) => known.get(clientId)?.scopes,
    async list() {
      await reload();
      return [...known.values()].map(shown);
    },
    async create(client, actor) {
      const id = uuidv7();
      const clientSecret = newSecret();
      const isAdded = await store.addClient({ id, ...client, secretHash: hashOf(clientSecret) }, actor);
      return isAdded ? withSecret(id, clientSecret) : undefined;
    },
    async rotateSecret(id, actor) {
      const clientSecret = newSecret();
      return (await store.setClientSecret(id, hashOf(clientSecret), actor)) ? withSecret(id, clientSecret) : undefined;
    },
    async remove(id, actor) {
      const isRemoved = await store.removeClient(id, actor);
      await reload();
      return isRemoved;
    },
  };
}

function shown({ id, clientId, name, scopes, createdAt, secretSetAt }: Known): EngineClient {
  return { id, clientId, name, scopes, createdAt, secretSetAt };
}
