import { gauge, histogram } from '../runtime/metrics.js';
import { isConnectionLost, isOutage } from '../runtime/outage.js';

const batchSizes = histogram<'batch'>('gatehouse_commit_batch_size', 'How much was committed together', [1, 2, 4, 8, 16, 32, 64, 128, 256]);
const depths = gauge<'queue'>('gatehouse_queue_depth', 'What waits to be written to the database');

/** Collects what concurrent callers bring and works it off together (group commit). */
export interface Batcher<Item, Answer> {
  /** Resolves with the answer for this item, once its batch is done. */
  submit(item: Item): Promise<Answer>;
  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void>;
}

export interface BatchLimits {
  readonly maxBatch: number;
  readonly maxInFlight: number;
  /** With this many items open, one batch at a time: there is work enough meanwhile, and fewer batches cost the database less. */
  readonly singlyFrom?: number;
  /** Of its figures. */
  readonly name?: string;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** How long a batch waits for further turns of the event loop, in milliseconds, as long as each brings something. */
const patienceMs = 8;
/** With each batch, how busy it was before counts for less. */
const fading = 0.95;

/**
 * `run` answers item for item. A batch starts after the first turn of the event loop that brought nothing more: while requests keep the
 * process busy they go together, which costs the database a third of what they cost one by one, and a lone one does not wait. Where
 * several batches may be under way, one also starts with its share of what was open lately: were all to go together, the process would
 * have nothing to do while the database writes, and the database nothing while the process computes. While `maxInFlight` batches are
 * under way the next one fills up. When a batch fails, its items are run one by one, until one of them meets
 * an outage: one that the database refuses must not fail its neighbours, and a database that is away must not keep them waiting in turn.
 */
export function createBatcher<Item, Answer>(run: (items: readonly Item[]) => Promise<readonly Answer[]>, limits: BatchLimits): Batcher<Item, Answer> {
  let queue: Waiting<Item, Answer>[] = [];
  let inFlight = 0;
  let isScheduled = false;
  /** What was waiting when the event loop came by last. */
  let seen = 0;
  /** Items waiting or under way; and the most there were lately. */
  let open = 0;
  let busiest = 0;
  let idlers: (() => void)[] = [];
  const size = batchSizes({ batch: limits.name ?? 'other' });
  const depth = depths({ queue: limits.name ?? 'other' });

  function schedule(): void {
    if (isScheduled || inFlight >= lanes() || queue.length === 0) return;
    isScheduled = true;
    const since = performance.now();
    seen = 0;
    const look = (): void => {
      const isGrowing = queue.length > seen && queue.length < limits.maxBatch && performance.now() - since < patienceMs;
      seen = queue.length;
      if (isGrowing) return void setImmediate(look);
      isScheduled = false;
      start();
    };
    setImmediate(look);
  }

  /** How many batches may be under way. */
  function lanes(): number {
    return busiest >= (limits.singlyFrom ?? Number.POSITIVE_INFINITY) ? 1 : limits.maxInFlight;
  }

  /** Enough for a batch: of several, each takes its share. */
  function isShare(): boolean {
    const share = Math.min(limits.maxBatch, Math.ceil(busiest / lanes()));
    return lanes() > 1 && share > 1 && queue.length >= share;
  }

  function start(): void {
    seen = 0;
    while (inFlight < lanes() && queue.length > 0) {
      busiest = Math.max(open, busiest * fading);
      const batch = queue.slice(0, limits.maxBatch);
      queue = queue.slice(limits.maxBatch);
      inFlight += 1;
      size.observe(batch.length);
      depth.set(queue.length);
      void settle(batch).finally(finished);
    }
  }

  function finished(): void {
    inFlight -= 1;
    schedule();
    if (inFlight > 0 || queue.length > 0) return;
    const waiting = idlers;
    idlers = [];
    for (const resolve of waiting) resolve();
  }

  async function settle(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    await answer(batch);
    open -= batch.length;
  }

  async function answer(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await run(batch.map(({ item }) => item));
      for (const [index, waiting] of batch.entries()) waiting.resolve(answers[index] as Answer);
    } catch (error) {
      if (batch.length === 1 || isConnectionLost(error)) for (const waiting of batch) waiting.reject(error);
      else await settleEach(batch);
    }
  }

  async function settleEach(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    let outage: unknown;
    for (const { item, resolve, reject } of batch) {
      if (outage !== undefined) {
        reject(outage);
        continue;
      }
      try {
        const [answer] = await run([item]);
        resolve(answer as Answer);
      } catch (error) {
        if (isOutage(error)) outage = error;
        reject(error);
      }
    }
  }

  return {
    submit: (item) =>
      new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        open += 1;
        depth.set(queue.length);
        if (inFlight < lanes() && isShare()) start();
        else schedule();
      }),
    idle: () => (inFlight === 0 && queue.length === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  };
}
