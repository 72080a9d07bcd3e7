import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { counter } from '../runtime/metrics.js';

/** How much a process takes on at once. */
export interface LoadLimits {
  /** Messages that use processor or database. */
  readonly busy: number;
  /** All messages under way, those that only wait for a CA elsewhere among them. */
  readonly all: number;
  /** Messages that wait for their turn. */
  readonly queued: number;
  /** So many may wait however long it takes: a machine that is slow for a while must not turn a handful of devices away. */
  readonly patient: number;
  /** Beyond those, once the first that waits has waited so long, no more are let in. */
  readonly queuedMs: number;
  /** One turn of the event loop serves messages for so long; what it finds beyond waits for later turns. */
  readonly turnMs: number;
}

export const loadLimits: LoadLimits = { busy: 256, all: 2_048, queued: 512, patient: 128, queuedMs: 1_000, turnMs: 25 };

const shed = counter<never>('gatehouse_shed_requests_total', 'Messages answered 503 unread, because too many were under way');
const text = Buffer.from('The service is busy. Try again later.\n');
const [leastSeconds, mostSeconds] = [5, 30];
/** What waited so many times as long as it should, since the database does not answer perhaps, is refused after all. */
const latest = 10;

interface Waiting {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Monotonic, milliseconds. */
  readonly since: number;
}

/**
 * Answers 503 with Retry-After to messages beyond the limits, before anything of them is read or recorded: a refusal costs a fiftieth of an
 * enrolment, so that five times the load a process can carry takes little from those it carries. Who is refused comes back at a time of
 * chance. The cryptography of a message cannot be interrupted: of many that arrive together only some are begun in one turn of the event
 * loop, one in each that follows, so that answers and refusals go out between them. Probes and certificates of the CA are always served.
 * `waiting`: how many messages under way only wait for a CA.
 */
export function shedLoad(server: Server, waiting: () => number, limits: LoadLimits = loadLimits): void {
  const [serve] = server.listeners('request');
  if (serve === undefined) throw new Error('The server has no handler yet.');
  const queue: Waiting[] = [];
  let underWay = 0;
  let turnBegan: number | undefined;
  let isPumping = false;

  const isFull = (): boolean => underWay >= limits.all || underWay - waiting() >= limits.busy;

  function begin(request: IncomingMessage, response: ServerResponse): void {
    underWay += 1;
    response.once('close', ended);
    serve?.call(server, request, response);
  }

  function ended(): void {
    underWay -= 1;
    pump();
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
    if (isFull()) return;
    const next = queue.shift();
    if (next === undefined) return;
    if (performance.now() - next.since > limits.queuedMs * latest) refuse(next.response);
    else if (!next.response.destroyed) begin(next.request, next.response);
    pump();
  }

  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!isMessage(request)) return serve.call(server, request, response);
    const now = performance.now();
    const [first] = queue;
    if (first === undefined && !isFull() && !isTurnOver(now)) return begin(request, response);
    const isSlow = queue.length >= limits.patient && first !== undefined && now - first.since > limits.queuedMs;
    if (queue.length >= limits.queued || isSlow) return refuse(response);
    queue.push({ request, response, since: now });
    pump();
  });
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
