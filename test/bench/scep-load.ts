/** SCEP enrolments for a server that speaks HTTP: who it is, unique requests for it, and a check of every answer. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { basicConstraintsOf, type Certificate, parseCertificate } from '../../src/pkix/index.js';
import { Cursor, contextConstructed } from '../../src/protocol/der/index.js';
import type { DeviceKey } from '../chaos/device/keys.js';
import { openCertRep, readCertRep } from '../chaos/device/scep-message.js';
import { newScepTransaction, pkcsReq, type ScepServer, type ScepTransaction } from '../chaos/device/scep-transaction.js';
import type { Answer } from './load.js';

function certificatesOf(bytes: Buffer): readonly Certificate[] {
  const single = parseCertificate(bytes);
  if (single.ok) return [single.value];
  const content = new Cursor(bytes).sequence();
  content.skip();
  const signedData = content.explicit(0)?.sequence();
  for (let field = 0; field < 3; field += 1) signedData?.skip();
  const all = signedData?.enterOptional(contextConstructed(0))?.each((cursor) => parseCertificate(cursor.element())) ?? [];
  return all.flatMap((item) => (item.ok ? [item.value] : []));
}

const isCa = (certificate: Certificate): boolean => {
  const constraints = basicConstraintsOf(certificate.extensions);
  return constraints.ok && constraints.value.ca;
};

/** A server whose RA certificate comes from a CA outside answers 503 until it has it; a process that has not heard of a new profile yet, 404. */
async function getCaCert(url: string): Promise<Response> {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetch(`${url}?operation=GetCACert`);
    if (![404, 503].includes(answer.status) || attempt === 120) return answer;
    await sleep(500);
  }
}

/** Asks GetCACert; the RA is the certificate that is no CA, or the CA itself where it does both. Throws when the answer holds neither. */
export async function discover(url: string, challenge: string): Promise<ScepServer> {
  const answer = await getCaCert(url);
  if (!answer.ok) throw new Error(`GetCACert of ${url} gave ${answer.status}.`);
  const all = certificatesOf(Buffer.from(await answer.arrayBuffer()));
  const ra = all.find((item) => !isCa(item)) ?? all[0];
  const ca = all.find((item) => isCa(item) && (ra === undefined || item.subject.der.equals(ra.issuer.der))) ?? ra;
  const raKey = ra?.publicKey.keyObject();
  if (ra === undefined || ca === undefined || !raKey?.ok) throw new Error(`GetCACert of ${url} gave ${answer.status} without a usable RA certificate.`);
  return { ra, raKey: raKey.value, ca, challenge };
}

export interface PreparedScep {
  readonly transactions: readonly ScepTransaction[];
  readonly messages: readonly Buffer[];
}

/** `count` new transactions, each with its own PKCS#10, over the keys in turn; every other one with AES-256. */
export function prepareScep(count: number, keys: readonly DeviceKey[], server: ScepServer): PreparedScep {
  const run = randomBytes(4).toString('hex');
  const transactions = Array.from({ length: count }, (_, index) =>
    newScepTransaction(`bench-${run}-${index}`, keys[index % keys.length] as DeviceKey, server, index % 2 === 0 ? 'aes128' : 'aes256'),
  );
  return { transactions, messages: transactions.map((item) => pkcsReq(item, server)) };
}

/** Counts what is not a success; opens every 50th answer fully: signature, envelope, key of the certificate. */
export class ScepAnswers {
  readonly problems = new Map<string, number>();
  readonly #server: ScepServer;
  readonly #opensSamples: boolean;

  constructor(server: ScepServer, opensSamples = true) {
    this.#server = server;
    this.#opensSamples = opensSamples;
  }

  get faults(): number {
    return [...this.problems.values()].reduce((sum, count) => sum + count, 0);
  }

  check(transaction: ScepTransaction, index: number, answer: Answer): void {
    const problem = answer.status === 200 ? this.#problemOf(transaction, index, answer.body) : `HTTP ${answer.status}`;
    if (problem !== undefined) this.problems.set(problem, (this.problems.get(problem) ?? 0) + 1);
  }

  #problemOf(transaction: ScepTransaction, index: number, body: Buffer): string | undefined {
    try {
      const answer = readCertRep(body);
      if (answer.status !== 'success') return `${answer.status} ${answer.failInfo}`;
      if (answer.transactionId !== transaction.transactionId) return 'another transactionID';
      if (index % 50 !== 0 || !this.#opensSamples) return undefined;
      if (!answer.isSignedBy(this.#server.raKey)) return 'signature invalid';
      openCertRep(answer.content ?? Buffer.alloc(0), transaction.key.privateKey, transaction.key.spki);
      return undefined;
    } catch (error) {
      return `unreadable: ${String(error)}`;
    }
  }
}
