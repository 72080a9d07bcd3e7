import { type Figure, figuresHere } from './runtime/metrics.js';

/** A process at the other end of a channel of node:cluster. */
export interface Channel {
  send(message: object): void;
  onMessage(listener: (message: unknown) => void): void;
}

type Message =
  /** A worker to the primary: it was asked for the figures of all. */
  | { readonly figures: 'wanted'; readonly id: number }
  /** The primary to every worker. */
  | { readonly figures: 'ask'; readonly id: number }
  /** A worker to the primary. */
  | { readonly figures: 'told'; readonly id: number; readonly here: readonly Figure[] }
  /** The primary to the worker that wanted them. */
  | { readonly figures: 'gathered'; readonly id: number; readonly all: readonly (readonly Figure[])[] };

/** A worker that is busy or hangs does not keep the others' figures back for longer. */
const patienceMs = 1_500;

/** In a worker: answers the primary's questions, and gathers the figures of all workers through it; its own alone when it does not answer. */
export function connectFigures(primary: Channel): () => Promise<readonly (readonly Figure[])[]> {
  const waiting = new Map<number, (all: readonly (readonly Figure[])[]) => void>();
  let lastId = 0;
  primary.onMessage((received) => {
    const message = messageOf(received);
    if (message?.figures === 'ask') void figuresHere().then((here) => primary.send({ figures: 'told', id: message.id, here } satisfies Message));
    if (message?.figures === 'gathered') waiting.get(message.id)?.(message.all);
  });
  return async () => {
    lastId += 1;
    const id = lastId;
    const gathered = new Promise<readonly (readonly Figure[])[]>((resolve) => waiting.set(id, resolve));
    primary.send({ figures: 'wanted', id } satisfies Message);
    const all = await within(patienceMs * 2, gathered);
    waiting.delete(id);
    return all === undefined || all.length === 0 ? [await figuresHere()] : all;
  };
}

interface Round {
  readonly all: (readonly Figure[])[];
  /** Workers that have not answered yet. */
  missing: number;
  readonly done: () => void;
}

/** In the primary: asks every worker when one of them wants to know. `workers` are those alive at that moment. */
export function relayFigures(workers: () => readonly Channel[]): { join(worker: Channel): void } {
  const rounds = new Map<number, Round>();
  let lastId = 0;

  async function gather(): Promise<Round['all']> {
    const asked = workers();
    lastId += 1;
    const id = lastId;
    const all: Round['all'] = [];
    const complete = new Promise<void>((resolve) => rounds.set(id, { all, missing: asked.length, done: resolve }));
    for (const worker of asked) worker.send({ figures: 'ask', id } satisfies Message);
    await within(patienceMs, complete);
    rounds.delete(id);
    return all;
  }

  function take(id: number, here: readonly Figure[]): void {
    const round = rounds.get(id);
    if (round === undefined) return;
    round.all.push(here);
    round.missing -= 1;
    if (round.missing === 0) round.done();
  }

  return {
    join(worker) {
      worker.onMessage((received) => {
        const message = messageOf(received);
        if (message?.figures === 'told') take(message.id, message.here);
        if (message?.figures === 'wanted') void gather().then((all) => worker.send({ figures: 'gathered', id: message.id, all } satisfies Message));
      });
    },
  };
}

function messageOf(received: unknown): Message | undefined {
  return typeof received === 'object' && received !== null && 'figures' in received ? (received as Message) : undefined;
}

function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  return Promise.race([work, tooLate]).finally(() => clearTimeout(timer));
}
