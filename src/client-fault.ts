import type { Socket } from 'node:net';

interface ClientFault extends Error {
  readonly code?: string;
}

const statusOf: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};
const words: Readonly<Record<string, string>> = { '408': 'The request did not arrive in time.', '413': 'The message is too large.' };

/**
 * For the device listener's `clientError`: what could not be read as an HTTP request is answered in a few plain words, and the connection
 * closed. Nothing is written into an answer that has begun.
 */
export function answerClientFault(error: ClientFault, socket: Socket): void {
  const { _httpMessage: begun } = socket as Socket & { readonly _httpMessage?: { readonly headersSent: boolean } | null };
  if (error.code === 'ECONNRESET' || !socket.writable || begun?.headersSent === true) {
    socket.destroy();
    return;
  }
  const status = statusOf[error.code ?? ''] ?? '400 Bad Request';
  const body = `${words[status.slice(0, 3)] ?? 'The request is not valid.'}\n`;
  const head = [`HTTP/1.1 ${status}`, 'Content-Type: text/plain', `Content-Length: ${body.length}`, 'Connection: close'];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
