/** Devices that enrol over SCEP and CMP and do not give up: they send again, poll and confirm until they have their certificate. */
import { randomBytes } from 'node:crypto';
import { buildName, emptyName } from '../../../src/pkix/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import type { ChaosProtocol, History, TransactionHistory } from '../history.js';
import type { Randomness } from '../randomness.js';
import { type CmpAnswer, certConfBody, encodeCmp, irBody, type Protection, pollReqBody, readCmpAnswer } from './cmp-message.js';
import { type DeviceKey, p256Key } from './keys.js';
import { openCertRep, readCertRep } from './scep-message.js';
import { certPoll, newScepTransaction, pkcsReq, type ScepServer } from './scep-transaction.js';

export interface Fleet {
  readonly history: History;
  readonly random: Randomness;
  /** Base URLs of the nodes, dead or alive. */
  readonly nodes: readonly string[];
  readonly scep: ScepServer & { readonly path: string };
  readonly cmp: { readonly path: string; readonly reference: string; readonly secret: Buffer };
  readonly keys: readonly DeviceKey[];
  /** Devices begin no new transaction once it is true, and finish those they have. */
  isStopping(): boolean;
  /** After this moment nobody tries any more; `performance.now()` time. */
  deadline(): number;
}

type Verdict = 'again' | 'pending' | 'done' | 'refused';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** undefined: no answer, or one that asks to come again (5xx). */
async function post(url: string, contentType: string, body: Buffer): Promise<Buffer | undefined> {
  try {
    const request = { method: 'POST', body, headers: { 'content-type': contentType }, signal: AbortSignal.timeout(10_000) };
    const answer = await fetch(url, request);
    const bytes = Buffer.from(await answer.arrayBuffer());
    return answer.status === 200 ? bytes : answer.status >= 500 || answer.status === 429 ? undefined : Buffer.from(`HTTP ${answer.status}`);
  } catch {
    return undefined;
  }
}

/** Sends to one node, sometimes to two at once; the answers that came. */
async function send(fleet: Fleet, transaction: TransactionHistory, path: string, contentType: string, body: Buffer): Promise<readonly Buffer[]> {
  const copies = fleet.random.chance(0.25) ? 2 : 1;
  transaction.sends += copies;
  const answers = await Promise.all(Array.from({ length: copies }, () => post(`${fleet.random.pick(fleet.nodes)}${path}`, contentType, body)));
  return answers.filter((answer): answer is Buffer => answer !== undefined);
}

/** Repeats `step` until it is done, refused, or time is up. `again` waits a moment, `pending` somewhat longer. */
async function persist(fleet: Fleet, step: (before: Verdict) => Promise<Verdict>): Promise<Verdict> {
  let verdict: Verdict = 'again';
  while (performance.now() < fleet.deadline()) {
    verdict = await step(verdict);
    if (verdict === 'done' || verdict === 'refused') return verdict;
    await pause(verdict === 'pending' ? fleet.random.between(150, 500) : fleet.random.between(20, 300));
  }
  return verdict;
}

const worst = (verdicts: readonly Verdict[]): Verdict =>
  (['refused', 'done', 'pending', 'again'] as const).find((verdict) => verdicts.includes(verdict)) ?? 'again';

async function enrolScep(fleet: Fleet, commonName: string): Promise<void> {
  const key = fleet.random.pick(fleet.keys);
  const transaction = newScepTransaction(commonName, key, fleet.scep, fleet.random.chance(0.5) ? 'aes128' : 'aes256');
  const history = fleet.history.begin('scep', transaction.transactionId, commonName);
  const read = (bytes: Buffer): Verdict => {
    const answer = readCertRep(bytes);
    if (!answer.isSignedBy(fleet.scep.raKey)) throw new Error('The CertRep is not signed by the RA.');
    if (answer.status === 'failure') history.noteRefused(`failInfo ${answer.failInfo}`);
    if (answer.status === 'failure') return 'refused';
    if (answer.status === 'pending') history.notePending();
    if (answer.status === 'pending') return 'pending';
    history.noteIssued(openCertRep(answer.content ?? Buffer.alloc(0), key.privateKey, key.spki).der);
    return 'done';
  };
  const exchange = async (bytes: Buffer) =>
    worst((await send(fleet, history, fleet.scep.path, 'application/x-pki-message', bytes)).map((answer) => guardedRead(history, answer, read)));
  let request = pkcsReq(transaction, fleet.scep);
  const verdict = await persist(fleet, async (before) => {
    if (before === 'again' && history.sends > 0 && fleet.random.chance(0.5)) request = pkcsReq(transaction, fleet.scep);
    const isPoll = before === 'pending' && fleet.random.chance(0.8);
    return exchange(isPoll ? certPoll(transaction, fleet.scep) : request);
  });
  history.isFinished = verdict === 'done';
  if (verdict === 'done' && fleet.random.chance(0.3)) await exchange(fleet.random.chance(0.5) ? request : pkcsReq(transaction, fleet.scep));
}

/** An answer that cannot be read or verified is a refusal with its reason: a finding. */
function guardedRead(history: TransactionHistory, bytes: Buffer, read: (bytes: Buffer) => Verdict): Verdict {
  try {
    return read(bytes);
  } catch (error) {
    history.noteRefused(`unreadable answer: ${error instanceof Error ? error.message : String(error)} ${bytes.toString('latin1', 0, 40)}`);
    return 'refused';
  }
}

async function enrolCmp(fleet: Fleet, commonName: string): Promise<void> {
  const key = p256Key(commonName);
  const transactionId = randomBytes(16);
  const history = fleet.history.begin('cmp', transactionId.toString('hex'), commonName);
  const { reference, secret, path } = fleet.cmp;
  const protection: Protection = { kind: 'mac', reference, secret, salt: randomBytes(16), iterations: 500 };
  const implicitConfirm = fleet.random.chance(0.5);
  const header = { transactionId, recipient: emptyName, implicitConfirm };
  let recipNonce: Buffer | undefined;
  let isConfirmed = false;
  let certificate: Buffer | undefined;
  const read = (bytes: Buffer): Verdict => {
    const answer: CmpAnswer = readCmpAnswer(bytes);
    // The shared secret itself could not be read: the RA signs, and the device only learns that it should come again.
    if (answer.body === 'unavailable') return 'again';
    if (!answer.isProtectedBy(secret)) throw new Error(`The ${answer.body} is not protected by the secret: ${answer.detail}`);
    recipNonce = answer.senderNonce;
    if (answer.body === 'error' || answer.body === 'rejected') {
      history.noteRefused(`${answer.body} ${answer.detail}`);
      return 'refused';
    }
    if (answer.body === 'pkiconf') return 'done';
    if (answer.certificate === undefined) {
      history.notePending();
      return 'pending';
    }
    certificate = answer.certificate;
    isConfirmed = answer.isImplicitlyConfirmed;
    history.noteIssued(certificate);
    return 'done';
  };
  const exchange = async (bytes: Buffer) =>
    worst((await send(fleet, history, path, 'application/pkixcmp', bytes)).map((answer) => guardedRead(history, answer, read)));
  const write = (body: Parameters<typeof encodeCmp>[1], isFirst = false) =>
    encodeCmp({ ...header, senderNonce: randomBytes(16), ...(isFirst || recipNonce === undefined ? {} : { recipNonce }) }, body, protection);
  const subject = buildName([[oids.commonName, commonName]]);
  const request = write(irBody(subject, key.spki, key.privateKey), true);
  let verdict = await persist(fleet, (before) => exchange(before === 'pending' ? write(pollReqBody()) : request));
  if (verdict === 'done' && fleet.random.chance(0.2)) await exchange(request);
  if (verdict === 'done' && !isConfirmed && certificate !== undefined) {
    const confirmation = write(certConfBody(certificate));
    verdict = await persist(fleet, () => exchange(confirmation));
  }
  history.isFinished = verdict === 'done';
}

/** One device after another on this slot until the fleet stops. */
export async function runDevices(fleet: Fleet, slot: number, scepShare: number): Promise<void> {
  for (let count = 0; !fleet.isStopping(); count += 1) {
    const protocol: ChaosProtocol = fleet.random.chance(scepShare) ? 'scep' : 'cmp';
    const commonName = `chaos-${slot}-${count}-${randomBytes(4).toString('hex')}`;
    await (protocol === 'scep' ? enrolScep(fleet, commonName) : enrolCmp(fleet, commonName));
  }
}
