import { currentToken } from './token.js';

/** One thing that is wrong with a request; `path` is dotted. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** An object that stands in the way of a deletion. */
export interface UsedBy {
  readonly type: string;
  readonly id: string;
  readonly name: string;
}

/** What the API answers when it refuses or fails (RFC 9457), or what stands for it when no answer came. */
export class ApiProblem extends Error {
  readonly status: number;
  /** The last part of `type`, such as `stale`; `unreachable` when no answer came. */
  readonly code: string;
  readonly title: string;
  readonly requestId: string | undefined;
  readonly errors: readonly Fault[];
  readonly usedBy: readonly UsedBy[];

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    const title = typeof body.title === 'string' ? body.title : 'The server could not be reached';
    super(typeof body.detail === 'string' ? body.detail : title);
    this.status = status;
    this.code = typeof body.type === 'string' ? (body.type.split(':').at(-1) ?? '') : 'unreachable';
    this.title = title;
    this.requestId = typeof body.requestId === 'string' ? body.requestId : undefined;
    this.errors = Array.isArray(body.errors) ? (body.errors as Fault[]) : [];
    this.usedBy = Array.isArray(body.usedBy) ? (body.usedBy as UsedBy[]) : [];
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly query?: Query;
  readonly body?: unknown;
  /** Version of the object the change is based on. */
  readonly version?: number;
  readonly signal?: AbortSignal;
  /** Another form of the answer than JSON. */
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Path and query; parameters that are undefined or empty are left out. */
export function apiPath(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `/api/v1${path}${text === '' ? '' : `?${text}`}`;
}

async function send(
  path: string,
  { method = 'GET', query, body, version, signal, accept = 'application/json', headers: further }: CallOptions,
): Promise<Response> {
  const token = currentToken();
  const headers = {
    ...further,
    accept,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(version === undefined ? {} : { 'if-match': `"${version}"` }),
  };
  const init: RequestInit = { method, headers, credentials: 'same-origin', body: body === undefined ? null : JSON.stringify(body), signal: signal ?? null };
  const answer = await fetch(apiPath(path, query), init).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    throw new ApiProblem(0, {});
  });
  if (answer.ok) return answer;
  const problem = (await answer.json().catch(() => ({ title: `The server answered ${answer.status}` }))) as Readonly<Record<string, unknown>>;
  throw new ApiProblem(answer.status, problem);
}

/** Calls the API and answers its JSON; throws `ApiProblem`. The caller names the type, which is that of the route's schema. */
export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const answer = await send(path, options);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

/** The bytes of an answer, for downloads. */
export async function callForBytes(path: string, accept: string, options: Omit<CallOptions, 'accept'> = {}): Promise<Blob> {
  return (await send(path, { ...options, accept })).blob();
}

/** A stream of events, from the one after `lastId` on; ends with the signal. */
export async function openStream(path: string, query: Query, signal: AbortSignal, lastId: string | undefined): Promise<ReadableStream<Uint8Array>> {
  const headers: Readonly<Record<string, string>> = lastId === undefined ? {} : { 'last-event-id': lastId };
  const { body } = await send(path, { query, signal, headers, accept: 'text/event-stream' });
  if (body === null) throw new ApiProblem(0, {});
  return body;
}
