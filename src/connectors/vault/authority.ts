import { fromPem, isSameName, parseCrlHead, parseName } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { chainUpwards, readable } from '../chain-upwards.js';
import { maxCrlBytes } from '../crl-bounds.js';
import type { VaultClient } from './client.js';
import type { VaultFault } from './faults.js';
import { distinct } from './issue.js';
import { issuerAnswer, keysAnswer, readJson, storedAnswer } from './wire.js';

/** The issuers of the secrets engine. */
export interface Authority {
  /** Issuing CA first, as far up as Vault knows. Throws when it was never heard and cannot be had; a fresh one whenever it cannot be had now. */
  chain(age?: 'fresh'): Promise<readonly Buffer[]>;
  /** The newest CRL of the issuing CA; undefined where none can be had. */
  crl(): Promise<Buffer | undefined>;
  /** The newest CRL of an issuer by its Name (DER). */
  crlOf(name: Buffer): Promise<Buffer | undefined>;
  /** A chain that came with a certificate. */
  note(chain: readonly Buffer[]): void;
  /** Names of the issuers where they have one, ids otherwise. */
  issuers(deadline: AbortSignal): Promise<Result<readonly string[], VaultFault>>;
}

const chainMs = 300_000;
/** Mounts with more issuers are rare, and a list is asked for within one call of a device. */
const mostIssuers = 16;

export function createAuthority(client: VaultClient, issuer: string | undefined, timeoutMs: number): Authority {
  let kept: { readonly chain: readonly Buffer[]; readonly until: number } | undefined;

  function note(chain: readonly Buffer[]): void {
    const ordered = inOrder(chain);
    if (ordered.length > 0) kept = { chain: ordered, until: performance.now() + chainMs };
  }

  async function issuers(deadline: AbortSignal): Promise<Result<readonly string[], VaultFault>> {
    const answer = await client.call({ method: 'GET', path: 'issuers?list=true', route: 'issuers' }, deadline);
    if (!answer.ok) return answer;
    const { keys = [], key_info: info } = readJson(keysAnswer, answer.value.body)?.data ?? {};
    return ok(keys.map((id) => info?.[id]?.issuer_name || id));
  }

  return {
    note,
    issuers,
    async chain(age) {
      if (age !== 'fresh' && kept !== undefined && performance.now() < kept.until) return kept.chain;
      const asked = await askChain(client, issuer, AbortSignal.timeout(timeoutMs));
      if (age === 'fresh' && !asked.ok) throw new Error(asked.error.reason);
      if (asked.ok) note(asked.value);
      // A Vault that is away changes no CA: devices go on being told of the one they know.
      if (kept === undefined) throw new Error(asked.ok ? 'The secrets engine sent no certificate of its CA.' : asked.error.reason);
      return kept.chain;
    },
    crl: () => askCrl(client, issuer, AbortSignal.timeout(timeoutMs)),
    async crlOf(name) {
      const deadline = AbortSignal.timeout(timeoutMs);
      const listed = await issuers(deadline);
      const all = listed.ok ? listed.value.slice(0, mostIssuers) : [];
      for (const ref of new Set([issuer, ...all])) {
        const crl = await askCrl(client, ref, deadline);
        if (crl !== undefined && isCrlOf(crl, name)) return crl;
      }
      return undefined;
    },
  };
}

function isCrlOf(crl: Buffer, issuer: Buffer): boolean {
  const parsed = parseCrlHead(crl);
  const name = parseName(issuer);
  return parsed.ok && name.ok && isSameName(parsed.value.issuer, name.value);
}

/** By the issuer; servers of before 2022, which know one CA per mount, by the mount. */
async function askChain(client: VaultClient, issuer: string | undefined, deadline: AbortSignal): Promise<Result<readonly Buffer[], VaultFault>> {
  const path = `issuer/${encodeURIComponent(issuer ?? 'default')}/json`;
  const answer = await client.call({ method: 'GET', path, route: 'issuer/*/json' }, deadline);
  const read = answer.ok ? readJson(issuerAnswer, answer.value.body) : undefined;
  if (read !== undefined) return ok([read.data.certificate, ...(read.data.ca_chain ?? [])].flatMap((pem) => fromPem('CERTIFICATE', pem)));
  if (issuer !== undefined && !answer.ok) return fail(answer.error);
  const pems: string[] = [];
  for (const name of ['ca', 'ca_chain']) {
    const stored = await client.call({ method: 'GET', path: `cert/${name}`, route: `cert/${name}` }, deadline);
    if (!stored.ok) return stored;
    pems.push(readJson(storedAnswer, stored.value.body)?.data.certificate ?? '');
  }
  return ok(pems.flatMap((pem) => fromPem('CERTIFICATE', pem)));
}

async function askCrl(client: VaultClient, issuer: string | undefined, deadline: AbortSignal): Promise<Buffer | undefined> {
  const list = { method: 'GET', maxAnswerBytes: maxCrlBytes } as const;
  const answer = await client.call({ ...list, path: `issuer/${encodeURIComponent(issuer ?? 'default')}/crl/der`, route: 'issuer/*/crl/der' }, deadline);
  const found = answer.ok || issuer !== undefined ? answer : await client.call({ ...list, path: 'crl', route: 'crl' }, deadline);
  return found.ok && parseCrlHead(found.value.body).ok ? found.value.body : undefined;
}

/** From the first, which is the issuing CA, upwards. */
function inOrder(certificates: readonly Buffer[]): readonly Buffer[] {
  const all = readable(distinct(certificates));
  return chainUpwards(all[0], all);
}
