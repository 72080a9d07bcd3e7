import { encodeExtension, extendedKeyUsageExtension, type KeyUsage, keyUsageBits, keyUsageExtension } from '../pkix/index.js';
import { encode } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';

const maxEntries = 256;
const cache = new Map<string, Buffer>();

/** Encrypting or agreeing on keys with the certified key only makes sense for RSA (RFC 8410 section 5, RFC 8813 section 3). */
const rsaOnly: ReadonlySet<string> = new Set(['keyEncipherment', 'dataEncipherment']);

/**
 * The extensions keyUsage (critical) and extKeyUsage, DER, one after the other; either is left out when empty. Profiles use a
 * handful of combinations, so each is encoded once per process. A usage that has no bit is refused by name.
 */
export function usageExtensions(keyUsage: readonly string[], extendedKeyUsage: readonly string[], isRsa: boolean): Result<Buffer, string> {
  const usages = isRsa ? keyUsage : keyUsage.filter((usage) => !rsaOnly.has(usage));
  const key = `${usages.join()}|${extendedKeyUsage.join()}`;
  const cached = cache.get(key);
  if (cached !== undefined) return ok(cached);
  const unknown = usages.find((usage) => !(keyUsageBits as readonly string[]).includes(usage));
  if (unknown !== undefined) return fail(`"${unknown}" is not a key usage.`);
  const extensions = [];
  if (usages.length > 0) extensions.push(keyUsageExtension(usages as readonly KeyUsage[]));
  if (extendedKeyUsage.length > 0) extensions.push(extendedKeyUsageExtension(extendedKeyUsage));
  const encoded = Buffer.concat(extensions.map((item) => encode(encodeExtension(item))));
  if (cache.size >= maxEntries) cache.clear();
  cache.set(key, encoded);
  return ok(encoded);
}
