import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createSecureContext, type Server as TlsServer } from 'node:tls';
import type { Server } from './listeners.js';
import type { Log } from './runtime/log.js';

/** Between two looks at a file, in milliseconds; files are looked at and not watched, since what renews them may put others in their place. */
const lookMs = 2_000;

/**
 * Every TLS listener takes a new certificate and key as soon as both files fit together; connections that stand keep the old one. What cannot
 * be read, or does not fit, is logged, and the old pair stays in use.
 */
export function followCertificates(servers: readonly Server[], log: Log): void {
  for (const server of servers) if (server.at.tls !== undefined) follow(server, server.at.tls, log);
}

function follow({ app, setting }: Server, { certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }, log: Log): void {
  const reload = (): void => {
    try {
      const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
      createSecureContext(pair);
      (app.server as unknown as TlsServer).setSecureContext(pair);
      log.info({ setting, certFile }, 'the listener uses a new certificate');
    } catch (error) {
      log.error({ err: error, setting, certFile, keyFile }, 'the new certificate cannot be used; the listener keeps the old one');
    }
  };
  for (const file of [certFile, keyFile]) watchFile(file, { interval: lookMs, persistent: false }, reload);
  app.addHook('onClose', async () => {
    for (const file of [certFile, keyFile]) unwatchFile(file, reload);
  });
}
