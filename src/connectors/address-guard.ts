import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Says whether a connector may speak to `address` (an IP address) under the name `host` it was configured with. */
export type AddressGuard = (host: string, address: string) => boolean;

/** Link-local addresses (and with them the metadata services of clouds), multicast and unspecified ones: never a CA. */
const neverIn = [
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['0.0.0.0', 8],
  ['fe80::', 10],
  ['ff00::', 8],
  ['::', 128],
] as const;

/**
 * A guard from the operator's list of hosts (`ca.example`, `*.example`), addresses and CIDRs. Without a list, `isOpen`
 * (dev mode) lets everything through but addresses that are never a CA; otherwise nothing passes.
 */
export function createAddressGuard(allow: readonly string[], isOpen: boolean): AddressGuard {
  const never = blockList(neverIn.map(([address, prefix]) => `${address}/${prefix}`));
  const hosts = allow.filter((entry) => !isNetwork(entry)).map((entry) => entry.toLowerCase());
  const networks = blockList(allow.filter(isNetwork));
  return (host, address) => {
    if (holds(networks, address)) return true;
    if (holds(never, address)) return false;
    if (allow.length === 0) return isOpen;
    const name = host.toLowerCase();
    return hosts.some((entry) => (entry.startsWith('*.') ? name.endsWith(entry.slice(1)) : name === entry));
  };
}

function isNetwork(entry: string): boolean {
  return isIP(entry.split('/')[0] as string) !== 0;
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

/** IPv4 addresses written as IPv6 (`::ffff:10.0.0.1`) count as what they are; BlockList sees to that. */
function holds(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
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

/** The same for a host that is an address already and is never looked up. */
export function isHostAllowed(guard: AddressGuard, host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '');
  return isIP(address) === 0 || guard(address, address);
}

export function notAllowed(host: string): Error {
  return new Error(`Connectors may not reach ${host}; see GATEHOUSE_CONNECTOR_ALLOW.`);
}
