import { connect, type Socket } from 'node:net';
import { type AddressGuard, allowedAddresses } from './address-guard.js';

/** What `allowedAddresses` found. */
export type Addresses = Awaited<ReturnType<typeof allowedAddresses>>;

/** Addresses of the host that may be connected to; rejects when there are none, or with the deadline. */
export function findAddresses(guard: AddressGuard, host: string, deadline: AbortSignal): Promise<Addresses> {
  return before(deadline, allowedAddresses(guard, host));
}

/** A connection to the first address that takes one; the address that was checked is the address connected to. Rejects with the last error. */
export async function openSocket(addresses: Addresses, port: number, deadline: AbortSignal): Promise<Socket> {
  let fault: unknown;
  for (const { address } of addresses) {
    try {
      return await connectTo(address, port, deadline);
    } catch (error) {
      fault = error;
      if (deadline.aborted) break;
    }
  }
  throw fault;
}

function connectTo(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const giveUp = () => socket.destroy(new Error('out of time'));
    signal.addEventListener('abort', giveUp, { once: true });
    socket.once('error', reject);
    socket.once('close', () => signal.removeEventListener('abort', giveUp));
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      signal.removeEventListener('abort', giveUp);
      // Until the session listens: an error that nobody hears would end the process.
      socket.on('error', () => {});
      resolve(socket);
    });
    if (signal.aborted) giveUp();
  });
}

/** `work`, or a rejection once the deadline is over: a resolver cannot be told to stop. */
function before<T>(deadline: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error('out of time'));
    if (deadline.aborted) giveUp();
    deadline.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => deadline.removeEventListener('abort', giveUp));
  });
}
