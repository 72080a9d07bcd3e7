import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { ClientIdentity } from '../../tenancy/client-identity.js';
import { type AddressGuard, allowedAddresses } from '../address-guard.js';
import { outboundFault } from '../outbound-fault.js';

/** The first steps of a connection test: each shows what it found, or throws an Error in words. */
export interface Reach {
  resolve(): Promise<string>;
  connect(): Promise<string>;
  handshake(): Promise<string>;
}

interface ReachSettings {
  readonly url: URL;
  readonly guard: AddressGuard;
  readonly trustedCa?: string | undefined;
  readonly serverName?: string | undefined;
  readonly identity: ClientIdentity | undefined;
}

/** One socket at a time, closed before the step ends; the deadline holds for all of them together. */
export function createReach({ url, guard, trustedCa, serverName, identity }: ReachSettings, deadline: AbortSignal): Reach {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 443 : Number(url.port);
  let address = '';
  const words = (error: unknown): Error => new Error(outboundFault(error, host, deadline));

  return {
    async resolve() {
      const found = await allowedAddresses(guard, url.hostname).catch((error: unknown) => Promise.reject(words(error)));
      address = found[0]?.address ?? '';
      return address === host ? `${host} is an address already.` : `${host} is ${found.map((item) => item.address).join(', ')}.`;
    },
    connect: () =>
      new Promise((resolve, reject) => {
        const socket = connectTcp({ host: address, port, signal: deadline });
        socket.once('error', (error) => reject(words(error)));
        socket.once('connect', () => {
          socket.destroy();
          resolve(`Port ${port} takes connections.`);
        });
      }),
    handshake: () =>
      new Promise((resolve, reject) => {
        const own = identity === undefined ? {} : { cert: identity.certificates, key: identity.key.reveal() };
        const trust = trustedCa === undefined ? {} : { ca: trustedCa };
        const socket = connectTls({ host: address, port, servername: serverName ?? host, minVersion: 'TLSv1.2', ...trust, ...own });
        const giveUp = () => socket.destroy(new Error('no answer'));
        deadline.addEventListener('abort', giveUp, { once: true });
        socket.once('close', () => deadline.removeEventListener('abort', giveUp));
        socket.once('error', (error) => reject(words(error)));
        socket.once('secureConnect', () => {
          const shown = serverText(socket);
          socket.destroy();
          resolve(shown);
        });
      }),
  };
}

function serverText(socket: TLSSocket): string {
  const { subject, valid_to: end } = socket.getPeerCertificate();
  const name = [subject.CN].flat()[0] ?? 'a server without a common name';
  return `${socket.getProtocol() ?? 'TLS'} with ${name}, whose certificate is trusted and ends ${new Date(end).toISOString().slice(0, 10)}.`;
}
