/**
 * A closed-loop HTTP load generator on raw sockets with keep-alive: each connection sends its next message when the last one
 * is answered. node:http costs several times more per request, which on a shared machine would be taken from the server.
 */
import { connect, type Socket } from 'node:net';
import { percentile } from './sampling.js';

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What the generator itself used, in milliseconds of processor time. */
  readonly generatorCpuMs: number;
  readonly seconds: number;
  /** Sockets the server closed between answers. */
  readonly reconnects: number;
}

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly contentType: string;
}

/** Whole HTTP/1.1 requests, ready to be written. */
export function httpRequests(target: Target, bodies: readonly Buffer[]): readonly Buffer[] {
  const head = `POST ${target.path} HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\nContent-Type: ${target.contentType}\r\nContent-Length: `;
  return bodies.map((body) => Buffer.concat([Buffer.from(`${head}${body.length}\r\n\r\n`, 'latin1'), body]));
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** Sends every request once over `connections` sockets; `onAnswer` gets each answer with the index of its request. */
export async function drive(
  target: Target,
  requests: readonly Buffer[],
  connections: number,
  onAnswer: (index: number, answer: Answer) => void,
): Promise<LoadResult> {
  const latencies: number[] = [];
  const state = { next: 0, reconnects: 0 };
  const cpuBefore = process.cpuUsage();
  const begin = performance.now();
  const worker = async () => {
    let client = await openClient(target);
    while (state.next < requests.length) {
      const index = state.next++;
      const sent = performance.now();
      let answer = await client.exchange(requests[index] as Buffer);
      if (answer === undefined) {
        state.reconnects += 1;
        client = await openClient(target);
        answer = (await client.exchange(requests[index] as Buffer)) ?? { status: 0, body: Buffer.alloc(0) };
      }
      latencies.push(performance.now() - sent);
      onAnswer(index, answer);
    }
    client.close();
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const seconds = (performance.now() - begin) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    requests: requests.length,
    perSecond: requests.length / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    generatorCpuMs: (cpu.user + cpu.system) / 1000,
    seconds,
    reconnects: state.reconnects,
  };
}

export interface Client {
  /** undefined when the server closed the socket before an answer. */
  exchange(request: Buffer): Promise<Answer | undefined>;
  close(): void;
}

export async function openClient(target: Target): Promise<Client> {
  const socket: Socket = connect({ host: target.host, port: target.port, noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  let received: Buffer[] = [];
  let waiting: ((answer: Answer | undefined) => void) | undefined;
  const settle = (answer: Answer | undefined) => {
    received = [];
    const resolve = waiting;
    waiting = undefined;
    resolve?.(answer);
  };
  socket.on('data', (chunk) => {
    received.push(chunk);
    const answer = readAnswer(received.length === 1 ? chunk : Buffer.concat(received));
    if (answer !== undefined) settle(answer);
  });
  socket.on('error', () => settle(undefined));
  socket.on('close', () => settle(undefined));
  return {
    exchange: (request) =>
      new Promise((resolve) => {
        if (socket.destroyed) return resolve(undefined);
        waiting = resolve;
        socket.write(request);
      }),
    close: () => void socket.destroy(),
  };
}

/** The answer when it is complete; by Content-Length, or chunked as Go's server sends longer bodies. */
function readAnswer(bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const start = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const end = start + Number(length);
    return bytes.length < end ? undefined : { status, body: bytes.subarray(start, end) };
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, body: Buffer.alloc(0) };
  const body = readChunks(bytes.subarray(start));
  return body === undefined ? undefined : { status, body };
}

function readChunks(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (bytes.length < lineEnd + 2 + size + 2) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
