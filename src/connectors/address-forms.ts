import { isIP } from 'node:net';

/**
 * An IP address in the form in which it is compared: IPv4 written as IPv6 (`::ffff:10.0.0.1`) becomes IPv4, a zone (`%eth0`) is cut
 * off. What is no address comes back as it was.
 */
export function plainAddress(address: string): string {
  const text = address.split('%')[0] as string;
  if (isIP(text) !== 6) return text;
  const groups = groupsOf(text);
  return startsWith(groups, [0, 0, 0, 0, 0, 0xffff]) ? dotted(groups[6], groups[7]) : text;
}

/**
 * The IPv4 addresses that packets to an IPv6 address may end up at: where a translator or a tunnel stands in between, the
 * address of a metadata service can be written as any of these (RFC 6052, RFC 3056, RFC 4380, RFC 4291 section 2.5.5.1).
 */
export function embeddedAddresses(address: string): readonly string[] {
  if (isIP(address) !== 6) return [];
  const groups = groupsOf(address);
  const last = dotted(groups[6], groups[7]);
  if (startsWith(groups, [0x64, 0xff9b])) return [last];
  if (startsWith(groups, [0x2002])) return [dotted(groups[1], groups[2])];
  if (startsWith(groups, [0x2001, 0])) return [dotted((groups[6] ?? 0) ^ 0xffff, (groups[7] ?? 0) ^ 0xffff)];
  const isTranslated = startsWith(groups, [0, 0, 0, 0, 0xffff, 0]);
  const isCompatible = startsWith(groups, [0, 0, 0, 0, 0, 0]) && groups[6] !== 0;
  return isTranslated || isCompatible ? [last] : [];
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const [head = '', tail] = address.split('::');
  const before = readGroups(head);
  if (tail === undefined) return before;
  const after = readGroups(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function readGroups(text: string): readonly number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

function startsWith(groups: readonly number[], prefix: readonly number[]): boolean {
  return prefix.every((group, index) => groups[index] === group);
}

function dotted(high = 0, low = 0): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}
