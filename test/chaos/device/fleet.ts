/** What every device of a campaign shares: whom it may ask, how it sends, and that it does not give up. */
import type { History, TransactionHistory } from '../history.js';
import type { Randomness } from '../randomness.js';
import type { DeviceKey } from './keys.js';
import type { ScepServer } from './scep-transaction.js';

export interface Fleet {
  readonly history: History;
  readonly random: Randomness;
  /** Base URLs of the nodes, dead or alive. */
  readonly nodes: readonly string[];
  readonly scep: ScepServer & { readonly path: string };
  readonly cmp: { readonly path: string; readonly reference: string; readonly secret: Buffer };
  readonly keys: readonly DeviceKey[];
  /** Common names begin with it, and with `chaos`. */
  readonly prefix: string;
  /** Devices begin no new transaction once it is true, and finish those they have. */
  isStopping(): boolean;
  /** So many are enrolled already that the kills are behind: then new transactions wait, and the processor is left to the nodes that start. */
  isAhead(): boolean;
  /** After this moment nobody tries any more; `performance.now()` time. */
  deadline(): number;
}

/** `again`: no answer, or one that asks to come again. */
export type Verdict = 'again' | 'pending' | 'done' | 'refused';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** undefined: no answer, or one that asks to come again (5xx, 429). Other statuses come back as text, which no protocol reads. */
async function post(url: string, contentType: string, body: Buffer): Promise<Buffer | undefined> {
  try {
    const request = { method: 'POST', body, headers: { 'content-type': contentType }, signal: AbortSignal.timeout(20_000) };
    const answer = await fetch(url, request);
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.status === 200) return bytes;
    return answer.status >= 500 || answer.status === 429 ? undefined : Buffer.from(`HTTP ${answer.status}`);
  } catch {
    return undefined;
  }
}

export interface Conversation {
  readonly fleet: Fleet;
  readonly history: TransactionHistory;
  readonly path: string;
  readonly contentType: string;
  /** What an answer means; throws on what cannot be read or verified. */
  read(bytes: Buffer): Verdict;
}

const order = ['refused', 'done', 'pending', 'again'] as const;

/** Sends `copies` of a message at once, each to some node; the verdict that matters most. */
export async function exchange(conversation: Conversation, message: Buffer, copies = 1): Promise<Verdict> {
  const { fleet, history, path, contentType } = conversation;
  history.sends += copies;
  const answers = await Promise.all(Array.from({ length: copies }, () => post(`${fleet.random.pick(fleet.nodes)}${path}`, contentType, message)));
  const verdicts = answers.map((answer) => (answer === undefined ? 'again' : readGuarded(conversation, answer)));
  return order.find((verdict) => verdicts.includes(verdict)) ?? 'again';
}

/** One message, now and then twice. */
export function exchangeOften(conversation: Conversation, message: Buffer): Promise<Verdict> {
  return exchange(conversation, message, conversation.fleet.random.chance(0.25) ? 2 : 1);
}

/** An answer that cannot be read or verified is a refusal with its reason: a finding. */
function readGuarded({ history, read }: Conversation, bytes: Buffer): Verdict {
  try {
    return read(bytes);
  } catch (error) {
    history.noteRefused(`unreadable answer: ${error instanceof Error ? error.message : String(error)} ${bytes.toString('latin1', 0, 40)}`);
    return 'refused';
  }
}

/** Repeats `step` until it is done, refused, or time is up. `before` is the verdict of the step before. */
export async function persist(fleet: Fleet, step: (before: Verdict) => Promise<Verdict>): Promise<Verdict> {
  let verdict: Verdict = 'again';
  while (performance.now() < fleet.deadline()) {
    verdict = await step(verdict);
    if (verdict === 'done' || verdict === 'refused') return verdict;
    await pause(verdict === 'pending' ? fleet.random.between(300, 1_200) : fleet.random.between(20, 300));
  }
  return verdict;
}
