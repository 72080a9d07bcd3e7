import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { counter } from '../runtime/metrics.js';

/** How much a process takes on at once. */
export interface LoadLimits {
  /** Messages that use processor or database. */
  readonly busy: number;
  /** All messages under way, those that only wait for a CA elsewhere among them. */
  readonly all: number;
  /** Messages whose bodies have not wholly come: they use nothing but memory, and whoever holds them back must keep nobody out. */
  readonly unread: number;
  /** Beyond that many, the one that has been coming for the longest makes room, once it has had so long. */
  readonly unreadMs: number;
  /** Messages that wait for their turn. */
  readonly queued: number;
  /** So many may wait however long it takes: a machine that is slow for a while must not turn a handful of devices away. */
  readonly patient: number;
  /** Beyond those, once the first that waits has waited so long, no more are let in. */
  readonly queuedMs: number;
  /** One turn of the event loop serves messages for so long; what it finds beyond waits for later turns. */
  readonly turnMs: number;
}

export const loadLimits: LoadLimits = { busy: 256, all: 2_048, unread: 256, unreadMs: 1_000, queued: 512, patient: 128, queuedMs: 1_000, turnMs: 25 };

const shed = counter<never>('gatehouse_shed_requests_total', 'Messages answered 503 unread, because too many were under way or the clock of the node is wrong');
const cutOff = counter<never>('gatehouse_cut_off_requests_total', 'Messages whose bodies came too slowly while too many others were still coming');
const text = Buffer.from('The service is busy. Try again later.\n');
const [leastSeconds, mostSeconds] = [5, 30];
/** What waited so many times as long as it should, since the database does not answer perhaps, is refused after all. */
const latest = 10;
const lookMs = 100;

interface Waiting {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Monotonic, milliseconds. */
  readonly since: number;
}

export interface LoadFacts {
  readonly waiting?: (() => number) | undefined;
  readonly isAway?: (() => boolean) | undefined;
}

/**
 * Answers 503 with Retry-After to messages beyond the limits, before anything of them is read or recorded: a refusal costs a fiftieth of an
 * enrolment, so that five times the load a process can carry takes little from those it carries. Who is refused comes back at a time of
 * chance. Bodies that are held back take no place of others, and the slowest of too many are cut off. The cryptography of a message cannot
 * be interrupted: of many that arrive together only some are begun in one turn of the event loop, one in each that follows, so that
 * answers and refusals go out between them. Probes and certificates of the CA are always served.
 * `waiting`: how many messages under way only wait for a CA. `isAway`: no message is to be served now, whatever the load.
 */
export function shedLoad(server: Server, { waiting = () => 0, isAway = () => false }: LoadFacts, limits: LoadLimits = loadLimits): void {
  const [serve] = server.listeners('request');
  if (serve === undefined) throw new Error('The server has no handler yet.');
  const queue: Waiting[] = [];
  /** Messages under way, the oldest first, and since when: monotonic, milliseconds. */
  const underWay = new Map<IncomingMessage, number>();
  let turnBegan: number | undefined;
  let isPumping = false;
  let isLooking = false;

  /** Few processes ever carry so many that the rest is asked. */
  function isFull(now: number): boolean {
    return underWay.size >= Math.min(limits.busy, limits.unread) && isFullOf(unreadOf(underWay), now);
  }

  function isFullOf(unread: readonly IncomingMessage[], now: number): boolean {
    const all = underWay.size - unread.length;
    if (all >= limits.all || all - waiting() >= limits.busy) return true;
    return unread.length >= limits.unread && !makeRoom(unread[0], now);
  }

  function makeRoom(slowest: IncomingMessage | undefined, now: number): boolean {
    if (slowest === undefined || now - (underWay.get(slowest) ?? now) <= limits.unreadMs) return false;
    cutOff({}).add();
    slowest.destroy();
    return underWay.delete(slowest);
  }

  function begin(request: IncomingMessage, response: ServerResponse, now: number): void {
    underWay.set(request, now);
    response.once('close', () => {
      underWay.delete(request);
      pump();
    });
    serve?.call(server, request, response);
  }

  function endTurn(): void {
    turnBegan = undefined;
  }

  function isTurnOver(now: number): boolean {
    if (turnBegan !== undefined) return now - turnBegan > limits.turnMs;
    turnBegan = now;
    setImmediate(endTurn);
    return false;
  }

  function pump(): void {
    if (isPumping || queue.length === 0) return;
    isPumping = true;
    setImmediate(serveNext);
  }

  function serveNext(): void {
    isPumping = false;
    const now = performance.now();
    const [next] = queue;
    if (next === undefined) return;
    const isLate = now - next.since > limits.queuedMs * latest;
    if (!isLate && isFull(now)) {
      lookAgain();
      return;
    }
    queue.shift();
    if (isLate) refuse(next.response);
    else if (!next.response.destroyed) begin(next.request, next.response, now);
    pump();
  }

  /** Where nothing ends, time alone makes room, or lets those who wait have their answer. */
  function lookAgain(): void {
    if (isLooking) return;
    isLooking = true;
    setTimeout(() => {
      isLooking = false;
      pump();
    }, lookMs).unref();
  }

  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!isMessage(request)) return serve.call(server, request, response);
    if (isAway()) return refuse(response);
    const now = performance.now();
    const [first] = queue;
    if (first === undefined && !isFull(now) && !isTurnOver(now)) return begin(request, response, now);
    const isSlow = queue.length >= limits.patient && first !== undefined && now - first.since > limits.queuedMs;
    if (queue.length >= limits.queued || isSlow) return refuse(response);
    queue.push({ request, response, since: now });
    pump();
  });
}

/** Those that have not wholly come, the oldest first. */
function unreadOf(underWay: ReadonlyMap<IncomingMessage, number>): readonly IncomingMessage[] {
  return [...underWay.keys()].filter(({ complete }) => !complete);
}

function isMessage({ method, url }: IncomingMessage): boolean {
  return method === 'POST' || (method === 'GET' && url?.includes('PKIOperation') === true);
}

function refuse(response: ServerResponse): void {
  shed({}).add();
  const seconds = leastSeconds + Math.floor(Math.random() * (mostSeconds - leastSeconds + 1));
  response
    .writeHead(503, { 'retry-after': String(seconds), 'content-type': 'text/plain', 'content-length': text.length, 'cache-control': 'no-store' })
    .end(text);
}
