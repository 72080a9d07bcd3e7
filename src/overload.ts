import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { counter } from './runtime/metrics.js';

/** How much a process takes on at once. */
export interface LoadLimits {
  /** Messages that use processor or database: a quarter of a second's work, so that nobody waits long for what is taken on. */
  readonly busy: number;
  /** All messages under way, those that only wait for a CA elsewhere among them. */
  readonly all: number;
}

export const loadLimits: LoadLimits = { busy: 256, all: 2_048 };

const shed = counter<never>('gatehouse_shed_requests_total', 'Messages answered 503 unread, because too many were under way');
const text = Buffer.from('The service is busy. Try again later.\n');
const [leastSeconds, mostSeconds] = [5, 30];

/**
 * Answers 503 with Retry-After to messages beyond the limits, before anything of them is read or recorded: a refusal costs a fiftieth of an
 * enrolment, so that five times the load a process can carry takes little from those it carries. Who is refused comes back at a time of
 * chance. Probes and certificates of the CA are always served. `waiting`: how many messages under way only wait for a CA.
 */
export function shedLoad(server: Server, waiting: () => number, limits: LoadLimits = loadLimits): void {
  const [serve] = server.listeners('request');
  if (serve === undefined) throw new Error('The server has no handler yet.');
  let underWay = 0;
  const ended = (): void => {
    underWay -= 1;
  };
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (isMessage(request)) {
      if (underWay >= limits.all || underWay - waiting() >= limits.busy) return refuse(response);
      underWay += 1;
      response.once('close', ended);
    }
    serve.call(server, request, response);
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
