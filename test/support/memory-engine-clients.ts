import type { EngineClient, EngineClientStore } from '../../src/crypto-engine/ports.js';

/** An `EngineClientStore` in memory. */
export function memoryEngineClients(): EngineClientStore {
  const clients = new Map<string, EngineClient & { readonly secretHash: Buffer }>();
  return {
    listClients: async () => [...clients.values()],
    async addClient(client) {
      if ([...clients.values()].some(({ clientId }) => clientId === client.clientId)) return false;
      clients.set(client.id, { ...client, createdAt: new Date(), secretSetAt: new Date() });
      return true;
    },
    async setClientSecret(id, secretHash) {
      const client = clients.get(id);
      if (client !== undefined) clients.set(id, { ...client, secretHash, secretSetAt: new Date() });
      return client !== undefined;
    },
    removeClient: async (id) => clients.delete(id),
  };
}
