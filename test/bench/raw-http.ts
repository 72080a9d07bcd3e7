/**
 * HTTP/1.1 on raw sockets with keep-alive, for peers of a measurement: they share its processors, and node:http costs several times more per
 * request. Reads bodies by Content-Length, one request after another on each connection.
 */
import { createServer, type Server, type Socket } from 'node:net';

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  /** By its name in any case; undefined where there is none. */
  header(name: string): string | undefined;
  readonly body: Buffer;
}

export type Reply = (status: number, body: string) => void;

const headEnd = Buffer.from('\r\n\r\n');

export interface RawServer {
  readonly port: number;
  close(): void;
}

/** Listens on 127.0.0.1. `answer` calls its reply once, whenever it likes. */
export function serveRaw(answer: (request: RawRequest, reply: Reply) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    readRequests(socket, (request) => answer(request, (status, body) => write(socket, status, body)));
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({ port, close: () => closeAll(server, sockets) });
    });
  });
}

function closeAll(server: Server, sockets: ReadonlySet<Socket>): void {
  server.close();
  for (const socket of sockets) socket.destroy();
}

function readRequests(socket: Socket, take: (request: RawRequest) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let next = requestIn(rest); next !== undefined; next = requestIn(rest)) {
      rest = rest.subarray(next.length);
      take(next.request);
    }
  });
}

function requestIn(bytes: Buffer): { readonly request: RawRequest; readonly length: number } | undefined {
  const end = bytes.indexOf(headEnd);
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const header = (name: string): string | undefined => new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1];
  const start = end + headEnd.length;
  const length = start + Number(header('content-length') ?? '0');
  if (bytes.length < length) return undefined;
  const [method = '', path = ''] = head.slice(0, head.indexOf('\r\n')).split(' ');
  return { request: { method, path, header, body: bytes.subarray(start, length) }, length };
}

function write(socket: Socket, status: number, body: string): void {
  const head = `HTTP/1.1 ${status} -\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  if (!socket.destroyed) socket.write(head + body);
}
