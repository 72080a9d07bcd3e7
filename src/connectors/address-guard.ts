import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { embeddedAddresses, plainAddress } from './address-forms.js';

/** Says whether a connector may speak to `address` (an IP address) under the name `host` it was configured with. */
export type AddressGuard = (host: string, address: string) => boolean;

/** Link-local addresses, multicast, broadcast, reserved and unspecified ones: never a CA, unless the operator's list names them. */
const neverIn = ['169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4', '0.0.0.0/8', 'fe80::/10', 'ff00::/8', '::/128'];

/** The services that hand a cloud's credentials to whoever can ask: no network in a list opens them, only their very address. */
const metadataServices = ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'];

/**
 * A guard from the operator's list of hosts (`ca.example`, `*.example`), addresses and CIDRs. Without a list, `isOpen`
 * (dev mode) lets everything through but addresses that are never a CA; otherwise nothing passes.
 */
export function createAddressGuard(allow: readonly string[], isOpen: boolean): AddressGuard {
  const never = blockList(neverIn);
  const metadata = blockList(metadataServices);
  const hosts = allow.filter((entry) => !isNetwork(entry)).map(plainHost);
  const networks = blockList(allow.filter(isNetwork));
  const addresses = blockList(allow.filter((entry) => isIP(entry) !== 0));
  return (host, given) => {
    const address = plainAddress(given);
    const forms = [address, ...embeddedAddresses(address)];
    if (forms.some((form) => holds(metadata, form))) return holds(addresses, address);
    if (holds(networks, address)) return true;
    if (isIP(address) === 0 || forms.some((form) => holds(never, form))) return false;
    if (allow.length === 0) return isOpen;
    const name = plainHost(host);
    return hosts.some((entry) => (entry.startsWith('*.') ? name.endsWith(entry.slice(1)) : name === entry));
  };
}

function isNetwork(entry: string): boolean {
  return isIP(entry.split('/')[0] as string) !== 0;
}

/** Case means nothing in a name, nor does the dot of the root at its end. */
function plainHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

function blockList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function holds(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * A DNS look-up that only returns addresses the guard lets through, so that the address checked is the address connected to:
 * a name that changes its address between check and use gains nothing.
 */
export function guardedLookup(guard: AddressGuard): LookupFunction {
  return (hostname, options, callback) => {
    const wanted: LookupOptions = { ...(options as LookupOptions), all: true };
    lookup(hostname, wanted, (error, found) => {
      if (error !== null) return callback(error, '', 0);
      const allowed = (found as LookupAddress[]).filter(({ address }) => guard(hostname, address));
      const [first] = allowed;
      if (first === undefined) return callback(notAllowed(hostname), '', 0);
      if ((options as LookupOptions).all === true) return callback(null, allowed);
      callback(null, first.address, first.family);
    });
  };
}

/**
 * The addresses of a host that may be connected to, for protocols that take an address and the name apart (SMTP). Rejects with the
 * resolver's error, or with `notAllowed` where the guard leaves none.
 */
export function allowedAddresses(guard: AddressGuard, host: string): Promise<readonly LookupAddress[]> {
  const address = bareHost(host);
  const family = isIP(address);
  if (family !== 0) return guard(address, address) ? Promise.resolve([{ address, family }]) : Promise.reject(notAllowed(host));
  return new Promise((resolve, reject) => {
    guardedLookup(guard)(host, { all: true }, (error, found) => (error === null ? resolve(found as LookupAddress[]) : reject(error)));
  });
}

/** For a host that is an address already and is never looked up. */
export function isHostAllowed(guard: AddressGuard, host: string): boolean {
  const address = bareHost(host);
  return isIP(address) === 0 || guard(address, address);
}

/** Without the brackets that a URL puts around an IPv6 address. */
function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

export function notAllowed(host: string): Error {
  return new Error(`Connectors may not reach ${host}; see GATEHOUSE_CONNECTOR_ALLOW.`);
}
