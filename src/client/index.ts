/** A typed client of the admin API: plain fetch, for browsers and Node alike. Its types are made from the OpenAPI document. */
import { serverEvents } from './events.js';
import type { Operations } from './operations.js';
import { places } from './places.js';
import { problemOf } from './problem.js';
import type { Schemas } from './schemas.js';

export type { Operations } from './operations.js';
export { GatehouseProblem } from './problem.js';
export type { Schemas } from './schemas.js';

export interface ClientOptions {
  /** `https://gatehouse.example:8081`; in a browser left out: where the page came from. */
  readonly baseUrl?: string;
  /** `gh_...`; in a browser left out: the session's cookie. */
  readonly token?: string;
  readonly fetch?: typeof fetch;
}

type Name = keyof Operations;
type Given<T, K extends string> = [T] extends [undefined]
  ? { readonly [P in K]?: never }
  : undefined extends T
    ? { readonly [P in K]?: T }
    : { readonly [P in K]: T };
type Query<T> = [T] extends [undefined] ? { readonly query?: never } : { readonly query?: Partial<T> };

/** What an operation is called with. */
export type Arguments<N extends Name> = Given<Operations[N]['path'], 'path'> &
  Query<Operations[N]['query']> &
  Given<Operations[N]['body'], 'body'> & {
    /** ETag of the object as it was read; PATCH and DELETE need it. */
    readonly ifMatch?: string;
    /** Makes a POST that is repeated happen once. */
    readonly idempotencyKey?: string;
    readonly signal?: AbortSignal;
  };

export interface Answer<N extends Name> {
  readonly status: number;
  readonly body: Operations[N]['answer'];
  /** For `ifMatch`. */
  readonly etag: string | undefined;
}

type ListName = { [N in Name]: Operations[N]['answer'] extends { readonly nextCursor: string | null } ? N : never }[Name];
type ItemOf<N extends ListName> = Operations[N]['answer'] extends { readonly items: readonly (infer I)[] } ? I : never;

export interface GatehouseClient {
  /** Rejects with a `GatehouseProblem` when the server says no. */
  call<N extends Name>(name: N, given: Arguments<N>): Promise<Answer<N>>;
  /** Every object of a list, page after page. */
  each<N extends ListName>(name: N, given: Arguments<N>): AsyncGenerator<ItemOf<N>>;
  /** All that match as CSV text, as it comes. */
  csv<N extends ListName>(name: N, given: Arguments<N>): Promise<ReadableStream<Uint8Array>>;
  /** What happens to orders; takes up broken connections where they ended, until `signal` says stop. `reset`: read the lists anew. */
  followOrders(query: Partial<NonNullable<Operations['followOrders']['query']>>, signal: AbortSignal): AsyncGenerator<Schemas['OrderEvent'] | 'reset'>;
}

interface Sent {
  readonly path?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
  readonly ifMatch?: string;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

const reconnectMs = 2_000;

export function createClient({ baseUrl = '', token, fetch: send = fetch }: ClientOptions = {}): GatehouseClient {
  const request = async (name: Name, given: Sent, more: Readonly<Record<string, string>> = {}): Promise<Response> => {
    const [method, template] = places[name];
    const headers: Record<string, string> = { accept: 'application/json', ...more };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (given.ifMatch !== undefined) headers['if-match'] = given.ifMatch;
    if (given.idempotencyKey !== undefined) headers['idempotency-key'] = given.idempotencyKey;
    if (given.body !== undefined) headers['content-type'] = 'application/json';
    const body = given.body === undefined ? {} : { body: JSON.stringify(given.body) };
    const signal = given.signal === undefined ? {} : { signal: given.signal };
    const answer = await send(`${baseUrl.replace(/\/+$/, '')}${pathOf(template, given)}`, { method, headers, credentials: 'same-origin', ...body, ...signal });
    if (!answer.ok) throw await problemOf(answer);
    return answer;
  };

  const call = async <N extends Name>(name: N, given: Sent): Promise<Answer<N>> => {
    const answer = await request(name, given);
    const text = await answer.text();
    return {
      status: answer.status,
      body: (text === '' ? undefined : JSON.parse(text)) as Operations[N]['answer'],
      etag: answer.headers.get('etag') ?? undefined,
    };
  };

  async function* each(name: Name, given: Sent): AsyncGenerator<never> {
    let cursor: string | null | undefined;
    do {
      const query = { limit: 200, ...given.query, ...(typeof cursor === 'string' && { cursor }) };
      const { body } = await call(name, { ...given, query });
      const page = body as unknown as { readonly items: readonly never[]; readonly nextCursor: string | null };
      yield* page.items;
      cursor = page.nextCursor;
    } while (cursor !== null);
  }

  async function* followOrders(query: Sent['query'], signal: AbortSignal): AsyncGenerator<Schemas['OrderEvent'] | 'reset'> {
    let last = '';
    const told = new Set<string>();
    while (!signal.aborted) {
      const resumed: Record<string, string> = last === '' ? {} : { 'last-event-id': last };
      const answer = await request('followOrders', { query, signal }, { ...resumed, accept: 'text/event-stream' }).catch((error: unknown) =>
        retryable(error, signal),
      );
      for await (const { event, data, id } of untilBroken(answer)) {
        if (id !== '') last = id;
        if (event === 'reset') yield 'reset';
        if (event !== 'order') continue;
        const order = JSON.parse(data) as Schemas['OrderEvent'];
        if (isNew(told, order.key)) yield order;
      }
      await pause(reconnectMs, signal);
    }
  }

  return {
    call,
    each: each as GatehouseClient['each'],
    csv: async (name, given) => (await request(name, given as Sent, { accept: 'text/csv' })).body ?? new ReadableStream(),
    followOrders,
  };
}

function pathOf(template: string, { path = {}, query = {} }: Sent): string {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''));
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return search === '' ? filled : `${filled}?${search}`;
}

/** Events of before a break are told again by the server; the newest are remembered, so that nobody hears them twice. */
function isNew(told: Set<string>, key: string): boolean {
  if (told.has(key)) return false;
  told.add(key);
  const oldest = told.size > 5_000 ? told.values().next().value : undefined;
  if (oldest !== undefined) told.delete(oldest);
  return true;
}

/** A server that is away comes back; one that says no will say no again. */
function retryable(error: unknown, signal: AbortSignal): undefined {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 0;
  if (!signal.aborted && status >= 400 && status < 500 && status !== 429) throw error;
}

async function* untilBroken(answer: Response | undefined) {
  if (answer?.body === undefined || answer.body === null) return;
  try {
    yield* serverEvents(answer.body);
  } catch {
    // The connection broke: the caller connects anew.
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => resolve(clearTimeout(timer)), { once: true });
  });
}
