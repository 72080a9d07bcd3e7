import { isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { ClientIdentity } from '../../tenancy/client-identity.js';
import type { AddressGuard } from '../address-guard.js';
import { type Addresses, findAddresses, openSocket } from '../open-socket.js';
import { outboundFault } from '../outbound-fault.js';

/** The first steps of a connection test: each shows what it found, or throws an Error in words, at its deadline at the latest. */
export interface Reach {
  resolve(deadline: AbortSignal): Promise<string>;
  connect(deadline: AbortSignal): Promise<string>;
  handshake(deadline: AbortSignal): Promise<string>;
}

interface ReachSettings {
  readonly url: URL;
  readonly guard: AddressGuard;
  readonly trustedCa?: string | undefined;
  readonly serverName?: string | undefined;
  readonly identity: ClientIdentity | undefined;
}

/** One socket at a time, closed before the step ends. */
export function createReach({ url, guard, trustedCa, serverName, identity }: ReachSettings): Reach {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 443 : Number(url.port);
  let addresses: Addresses = [];

  async function inWords<T>(deadline: AbortSignal, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw new Error(outboundFault(error, host, deadline));
    }
  }

  return {
    async resolve(deadline) {
      addresses = await inWords(deadline, findAddresses(guard, host, deadline));
      const isAddress = addresses[0]?.address === host;
      return isAddress ? `${host} is an address already.` : `${host} is ${addresses.map(({ address }) => address).join(', ')}.`;
    },
    async connect(deadline) {
      const socket = await inWords(deadline, openSocket(addresses, port, deadline));
      socket.destroy();
      return `Port ${port} takes connections.`;
    },
    async handshake(deadline) {
      const socket = await inWords(deadline, openSocket(addresses, port, deadline));
      const own = identity === undefined ? {} : { cert: identity.certificates, key: identity.key.reveal() };
      const trust = trustedCa === undefined ? {} : { ca: trustedCa };
      const name = serverName ?? (isIP(host) === 0 ? host : undefined);
      // An address is no name to ask for (RFC 6066 section 3); the certificate is held against it all the same.
      const asked = name === undefined ? {} : { servername: name };
      return inWords(deadline, greeted(connectTls({ socket, host, minVersion: 'TLSv1.2', ...asked, ...trust, ...own }), deadline));
    },
  };
}

function greeted(socket: TLSSocket, deadline: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const giveUp = () => socket.destroy(new Error('no answer'));
    deadline.addEventListener('abort', giveUp, { once: true });
    socket.once('close', () => deadline.removeEventListener('abort', giveUp));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const shown = serverText(socket);
      socket.destroy();
      resolve(shown);
    });
  });
}

function serverText(socket: TLSSocket): string {
  const { subject, valid_to: end } = socket.getPeerCertificate();
  const name = [subject.CN].flat()[0] ?? 'a server without a common name';
  return `${socket.getProtocol() ?? 'TLS'} with ${name}, whose certificate is trusted and ends ${new Date(end).toISOString().slice(0, 10)}.`;
}
