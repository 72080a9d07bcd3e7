import { basicConstraintsOf, type Certificate, keyUsageOf, nameToText } from '../../pkix/index.js';
import { uuidv7 } from '../../runtime/ids.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { NewRaKey, RaKey, RaKeyUsage } from '../../tenancy/credentials.js';
import type { PfxIdentity } from './read-pfx.js';

/** Servers before ours had smaller keys; they only decrypt what old devices send, and sign what those verify. */
const leastBits = 1024;

/** Keys as they are stored, or in words why they are not: they answer for devices at once, and are not shown by GetCACert. */
export function importedKeys(
  identities: readonly PfxIdentity[],
  profileId: string,
  keepUntil: Date | null,
  present: readonly RaKey[],
): Result<readonly NewRaKey[], string> {
  const keys: NewRaKey[] = [];
  for (const { privateKey, certificate, chain } of identities) {
    const usage = usageOf(certificate);
    if (!usage.ok) return usage;
    const { spki } = certificate.publicKey;
    if (present.some((key) => key.spki.equals(spki))) return fail(`The key of ${nameToText(certificate.subject)} is here already`);
    const names = { certificate: certificate.der, chain: chain.map((item) => item.der) };
    keys.push({ id: uuidv7(), profileId, purpose: 'scep', state: 'retiring', origin: 'imported', usage: usage.value, privateKey, spki, keepUntil, ...names });
  }
  return ok(keys);
}

/** What its certificate lets a key do; one without keyUsage may do both (RFC 5280 section 4.2.1.3). */
function usageOf(certificate: Certificate): Result<RaKeyUsage, string> {
  const name = nameToText(certificate.subject);
  const { publicKey, extensions } = certificate;
  if (publicKey.type !== 'rsa' || publicKey.size < leastBits)
    return fail(`The key of ${name} is ${publicKey.name}; RA keys are RSA, of ${leastBits} bits or more`);
  const constraints = basicConstraintsOf(extensions);
  if (!constraints.ok || constraints.value.ca) return fail(`${name} is a CA; the key of a CA never protects messages here`);
  const usage = keyUsageOf(extensions);
  const bits: readonly string[] | undefined = usage.ok ? usage.value : [];
  const [signs, decrypts] = [bits?.includes('digitalSignature') ?? true, bits?.includes('keyEncipherment') ?? true];
  if (!signs && !decrypts) return fail(`The certificate of ${name} has neither of the key usages digitalSignature and keyEncipherment`);
  return ok(signs && decrypts ? 'both' : signs ? 'sign' : 'encrypt');
}
