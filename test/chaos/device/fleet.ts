/** What every device of a campaign shares: whom it may ask, how it sends, and that it does not give up. */
import { awakeMs } from '../awake.js';
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
  /** How the line between device and server behaves; as any line where absent. */
  readonly line?: Line;
  /** Devices begin no new transaction once it is true, and finish those they have. */
  isStopping(): boolean;
  /** So many are enrolled already that the kills are behind: then new transactions wait, and the processor is left to the nodes that start. */
  isAhead(): boolean;
  /** After this moment nobody tries any more; by `awakeMs`. */
  deadline(): number;
}

/** Each share is of the messages; `noted` is called for each of them. */
export interface Line {
  /** The answer comes and is lost. */
  readonly lost?: number;
  /** The device hangs up before it has one. */
  readonly cut?: number;
  /** Copies go to two different nodes at once. */
  readonly twins?: number;
  /** A copy goes to another node so many milliseconds later. */
  readonly echoMs?: number;
  noted(what: 'lost' | 'cut' | 'twins' | 'echo' | 'unavailable', status?: number): void;
}

/** `again`: no answer, or one that asks to come again. */
export type Verdict = 'again' | 'pending' | 'done' | 'refused';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** An answer that asks to come again: 5xx; 408, the request did not come whole in time; 429. */
const asksAgain = (status: number) => status >= 500 || status === 408 || status === 429;

/** undefined: no answer, or one that asks to come again. Other statuses come back as text, which no protocol reads. */
async function post({ random, line }: Fleet, url: string, contentType: string, body: Buffer): Promise<Buffer | undefined> {
  const isCut = line?.cut !== undefined && random.chance(line.cut);
  const isLost = !isCut && line?.lost !== undefined && random.chance(line.lost);
  if (isCut) line.noted('cut');
  try {
    const request = { method: 'POST', body, headers: { 'content-type': contentType }, signal: AbortSignal.timeout(isCut ? random.between(1, 120) : 20_000) };
    const answer = await fetch(url, request);
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.status >= 500) line?.noted('unavailable', answer.status);
    if (isLost) {
      line?.noted('lost');
      return undefined;
    }
    if (answer.status === 200) return bytes;
    return asksAgain(answer.status) ? undefined : Buffer.from(`HTTP ${answer.status}`);
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
  const answers = await Promise.all(
    targets(fleet, copies).map(async (node, index) => {
      if (index > 0 && fleet.line?.echoMs !== undefined) await pause(fleet.line.echoMs);
      return post(fleet, `${node}${path}`, contentType, message);
    }),
  );
  const verdicts = answers.map((answer) => (answer === undefined ? 'again' : readGuarded(conversation, answer)));
  return order.find((verdict) => verdicts.includes(verdict)) ?? 'again';
}

/** Where the copies go: any node, or one and its neighbour where the line says that they meet different ones. */
function targets({ nodes, random, line }: Fleet, copies: number): readonly string[] {
  const first = random.between(0, nodes.length - 1);
  const isSpread = line?.twins !== undefined || line?.echoMs !== undefined;
  return Array.from({ length: copies }, (_, index) => (isSpread ? (nodes[(first + index) % nodes.length] ?? '') : random.pick(nodes)));
}

/** One message, now and then twice. */
export function exchangeOften(conversation: Conversation, message: Buffer): Promise<Verdict> {
  const { random, line } = conversation.fleet;
  const share = line?.twins ?? (line?.echoMs === undefined ? 0.25 : 1);
  const isTwice = random.chance(share);
  if (isTwice && line?.twins !== undefined) line.noted('twins');
  if (isTwice && line?.echoMs !== undefined) line.noted('echo');
  return exchange(conversation, message, isTwice ? 2 : 1);
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
  while (awakeMs() < fleet.deadline()) {
    verdict = await step(verdict);
    if (verdict === 'done' || verdict === 'refused') return verdict;
    await pause(verdict === 'pending' ? fleet.random.between(700, 2_000) : fleet.random.between(20, 300));
  }
  return verdict;
}
