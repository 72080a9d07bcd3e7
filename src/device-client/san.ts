import { isIP } from 'node:net';
import { dnsName, type Extension, ipName, subjectAltNameExtension } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';

/** subjectAltName of host names and IP addresses, told apart by how they look; no extension where there are none. A fault in words. */
export function sanExtensions(names: readonly string[]): Result<readonly Extension[], string> {
  if (names.length === 0) return ok([]);
  const odd = names.find((name) => isIP(name) === 0 && !/^[A-Za-z0-9*._-]+$/.test(name));
  if (odd !== undefined) return fail(`"${odd}" is neither a host name nor an IP address.`);
  try {
    return ok([subjectAltNameExtension(names.map((name) => (isIP(name) === 0 ? dnsName(name) : ipName(name))))]);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}
