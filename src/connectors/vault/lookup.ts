import type { LookupAnswer } from '../../enrolment/ports.js';
import { type Certificate, fromPem, parseCertificate } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { VaultClient } from './client.js';
import { keysAnswer, readJson, storedAnswer } from './wire.js';

/** What of a stored certificate decides whose it is. */
interface Known {
  readonly spki: Buffer;
  readonly notBefore: number;
}

/** More are not read: a mount of this size belongs to more than this connector, and the look-up would take minutes. */
export const mostCertificates = 5_000;
const readAtOnce = 8;
/** A role may date certificates back, by 30 seconds if nothing else is said, and clocks differ. */
const backdatedMs = 600_000;

export interface CertificateList {
  /** Those valid from between two moments; throws when not every certificate was seen. */
  between(from: Date, to: Date, deadline: AbortSignal): Promise<readonly Buffer[]>;
  /** The certificate with this key that was issued for an order made at `since`; `none` only when every certificate was seen. */
  find(publicKey: Buffer, since: Date | undefined, deadline: AbortSignal): Promise<LookupAnswer>;
}

/**
 * Vault finds certificates by serial number only, so all are read, each once per process. What was read stays read when the time runs out,
 * so that the next look-up comes further.
 */
export function createCertificateList(client: VaultClient): CertificateList {
  const known = new Map<string, Known>();

  async function serials(deadline: AbortSignal): Promise<Result<readonly string[], string>> {
    const answer = await client.call({ method: 'GET', path: 'certs?list=true', route: 'certs' }, deadline);
    if (!answer.ok) return answer.error.code === 'not-found' ? ok([]) : fail(answer.error.reason);
    const read = readJson(keysAnswer, answer.value.body);
    if (read === undefined) return fail('The list of certificates cannot be read.');
    const { keys } = read.data;
    return keys.length > mostCertificates ? fail(`The secrets engine holds ${keys.length} certificates; up to ${mostCertificates} are searched.`) : ok(keys);
  }

  async function certificateOf(serial: string, deadline: AbortSignal): Promise<Result<Certificate, string>> {
    const answer = await client.call({ method: 'GET', path: `cert/${encodeURIComponent(serial)}`, route: 'cert/*' }, deadline);
    if (!answer.ok) return fail(answer.error.reason);
    const [der] = fromPem('CERTIFICATE', readJson(storedAnswer, answer.value.body)?.data.certificate ?? '');
    const parsed = der === undefined ? undefined : parseCertificate(der);
    return parsed?.ok ? parsed : fail(`The certificate ${serial} cannot be read.`);
  }

  async function learn(serial: string, deadline: AbortSignal): Promise<Result<true, string>> {
    const certificate = await certificateOf(serial, deadline);
    if (!certificate.ok) return certificate;
    const { publicKey, notBefore } = certificate.value;
    known.set(serial, { spki: publicKey.spki, notBefore: notBefore.getTime() });
    return ok(true);
  }

  async function learnAll(all: readonly string[], deadline: AbortSignal): Promise<Result<true, string>> {
    const standing = new Set(all);
    for (const serial of known.keys()) if (!standing.has(serial)) known.delete(serial);
    const unknown = all.filter((serial) => !known.has(serial));
    for (let from = 0; from < unknown.length; from += readAtOnce) {
      const learned = await Promise.all(unknown.slice(from, from + readAtOnce).map((serial) => learn(serial, deadline)));
      const fault = learned.find((item) => !item.ok);
      if (fault !== undefined) return fault;
    }
    return ok(true);
  }

  async function readAll(deadline: AbortSignal): Promise<Result<true, string>> {
    const all = await serials(deadline);
    return all.ok ? learnAll(all.value, deadline) : all;
  }

  return {
    async between(from, to, deadline) {
      const learned = await readAll(deadline);
      if (!learned.ok) throw new Error(learned.error);
      const fitting = [...known].filter(([, { notBefore }]) => notBefore >= from.getTime() - backdatedMs && notBefore < to.getTime());
      const found: Buffer[] = [];
      for (const [serial] of fitting) {
        const certificate = await certificateOf(serial, deadline);
        if (!certificate.ok) throw new Error(certificate.error);
        found.push(certificate.value.der);
      }
      return found;
    },
    async find(publicKey, since, deadline) {
      const learned = await readAll(deadline);
      if (!learned.ok) return { kind: 'unknown', reason: learned.error };
      const earliest = (since?.getTime() ?? 0) - backdatedMs;
      const fitting = [...known].filter(([, { spki, notBefore }]) => spki.equals(publicKey) && notBefore >= earliest);
      const [newest] = fitting.sort(([, left], [, right]) => right.notBefore - left.notBefore);
      if (newest === undefined) return { kind: 'none' };
      const certificate = await certificateOf(newest[0], deadline);
      return certificate.ok ? { kind: 'found', certificate: certificate.value.der } : { kind: 'unknown', reason: certificate.error };
    },
  };
}
