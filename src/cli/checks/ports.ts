import { createServer } from 'node:net';
import type { Listener } from '../../config.js';
import { whoAnswers } from '../admin-api.js';
import { type Finding, failure, good, warning } from './finding.js';

export interface PortCheck {
  readonly finding: Finding;
  /** Our own server answers there. */
  readonly isServing: boolean;
}

/** The port is free, or a Gatehouse answers on it. */
export async function checkPort(what: string, listener: Listener, variable: string): Promise<PortCheck> {
  const place = `${listener.host}:${listener.port}`;
  const reason = await bindFault(listener);
  if (reason === undefined) return { finding: good(what, `${place} is free`), isServing: false };
  if (reason !== 'EADDRINUSE') return { finding: failure(what, `${place}: ${reason}`, `Choose another address with ${variable}.`), isServing: false };
  return answered(what, place, await whoAnswers(urlOf(listener)), variable);
}

function answered(what: string, place: string, who: Awaited<ReturnType<typeof whoAnswers>>, variable: string): PortCheck {
  if (who === 'gatehouse') return { finding: good(what, `${place} is answered by a running Gatehouse`), isServing: true };
  if (who === 'untrusted')
    return {
      finding: warning(what, `${place} is answered with a certificate that cannot be checked from here`, 'Look whether it is this Gatehouse.'),
      isServing: true,
    };
  return { finding: failure(what, `${place} is taken by another program`, `Stop it, or choose another address with ${variable}.`), isServing: false };
}

function bindFault({ host, port }: Listener): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}

/** As a client on this machine would write it. */
export function urlOf({ host, port, tls }: Listener): string {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return `${tls === undefined ? 'http' : 'https'}://${name}:${port}`;
}
