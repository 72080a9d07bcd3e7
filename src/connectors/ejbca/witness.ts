import { fail, ok, type Result } from '../../runtime/result.js';
import type { EjbcaFault } from './faults.js';
import { isNotServed, type Search } from './search.js';

/** What this process last saw issued, to hold the search against. */
export interface Witness {
  note(certificate: Buffer, username: string): void;
  /** Fails, in words, where the search does not show the certificate that was issued last; holds where none has been. */
  isShown(deadline: AbortSignal): Promise<Result<true, string>>;
}

/** A search that lags behind, or sees only a part, would let a request be sent again that was carried out long ago. */
export function createWitness(search: Search): Witness {
  let last: { readonly certificate: Buffer; readonly username: string } | undefined;

  async function isFound(certificate: Buffer, username: string, deadline: AbortSignal): Promise<Result<boolean, EjbcaFault>> {
    const bySerial = await search.byCertificate(certificate, deadline);
    if (bySerial.ok) return ok(bySerial.value !== undefined);
    if (!isNotServed(bySerial.error)) return bySerial;
    const byName = await search.byUsername(username, undefined, deadline);
    return byName.ok ? ok(byName.value.some(({ der }) => der.equals(certificate))) : byName;
  }

  return {
    note(certificate, username) {
      last = { certificate, username };
    },
    async isShown(deadline) {
      if (last === undefined) return ok(true);
      const found = await isFound(last.certificate, last.username, deadline);
      if (!found.ok) return fail(found.error.reason);
      return found.value ? ok(true) : fail("EJBCA's search does not show yet what EJBCA has issued; nothing is sent again before it does.");
    },
  };
}
