import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { MailServerCommand, MailServerSetup, ReceivedMail } from './mail-server.js';

/**
 * The mail server of the tests, in a process of its own (see mail-server.ts). What it does is said by the recipient's name:
 * `refused@` 550 at once, `full@` 552 after the content, `grey@` 451 the first time each, `late@` no answer to RCPT, `cut@` the line
 * cut instead of a word about the content, `taken-and-cut@` the same after the mail was kept. Everybody else gets mail.
 */
const setup = JSON.parse(process.argv[2] ?? '{}') as MailServerSetup;
const received: ReceivedMail[] = [];
const seenGrey = new Set<string>();
let isDown = false;

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

const nameOf = (address: string): string => address.slice(0, address.lastIndexOf('@'));

const server = new SMTPServer({
  secure: setup.tls === 'implicit',
  ...(setup.certificate === undefined ? {} : { key: readFileSync(setup.certificate.key), cert: readFileSync(setup.certificate.cert) }),
  disabledCommands: [...(setup.tls === 'starttls' ? [] : ['STARTTLS']), ...(setup.login === undefined ? ['AUTH'] : [])],
  authOptional: setup.login === undefined,
  allowInsecureAuth: true,
  disableReverseLookup: true,
  socketTimeout: 30_000,
  closeTimeout: 100,
  onConnect: (_session, answer) => answer(isDown ? refusal(421, 'closed for today') : null),
  onAuth({ username, password }, _session, answer) {
    const isGood = username === setup.login?.username && password === setup.login?.password;
    if (isGood) answer(null, { user: username });
    else answer(refusal(535, `no such user, or not with ${password}`));
  },
  onMailFrom: ({ address }, _session, answer) => answer(address.startsWith('forged') ? refusal(553, 'not your address') : null),
  onRcptTo({ address }, _session, answer) {
    const name = nameOf(address);
    if (name === 'late') return;
    if (name === 'refused') return answer(refusal(550, 'no such mailbox'));
    if (name === 'grey' && !seenGrey.has(address)) {
      seenGrey.add(address);
      return answer(refusal(451, 'greylisted, try again later'));
    }
    answer(null);
  },
  onData(stream, session, answer) {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const to = session.envelope.rcptTo.map(({ address }) => address);
      const name = nameOf(to[0] ?? '');
      if (name === 'cut') return cutAll();
      if (name === 'full') return answer(refusal(552, 'mailbox full'));
      const from = session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address;
      received.push({ from, to, raw: Buffer.concat(chunks).toString('utf8'), isSecure: session.secure, user: String(session.user ?? '') });
      process.send?.({ kind: 'received', count: received.length });
      if (name === 'taken-and-cut') return cutAll();
      answer(null, 'taken');
    });
  },
});

const sockets = new Set<Socket>();
server.on('error', () => {});
// TLS sockets are made of these; to destroy them is what a cable does.
server.server.on('connection', (socket: Socket) => {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
});

function cutAll(): void {
  for (const socket of sockets) socket.destroy();
}

/** Takes connections and never says a word. */
const silent = createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => {});
});
/** Answers as some other protocol. */
const stranger = createServer((socket) => {
  socket.on('error', () => {});
  socket.end('HTTP/1.0 400 Bad Request\r\n\r\n');
});
const listener = { smtp: server.server, silent, stranger }[setup.kind ?? 'smtp'];

process.on('message', (command: MailServerCommand) => {
  if (command.kind === 'list') process.send?.({ kind: 'list', received });
  if (command.kind === 'down') isDown = true;
  if (command.kind === 'up') isDown = false;
});
process.once('disconnect', () => process.exit(0));
listener.listen(setup.port ?? 0, '127.0.0.1', () => process.send?.({ kind: 'listening', port: (listener.address() as { port: number }).port }));
