import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { ChainLine, ClaimedSink, SyslogSettings } from '../../audit/sink.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { AddressGuard } from '../address-guard.js';
import { findAddresses, openSocket } from '../open-socket.js';

/** RFC 5424 section 6.2.1: facility 13 (log audit); severity 6 (informational), 4 (warning) for what failed. */
const priority = { success: 13 * 8 + 6, failure: 13 * 8 + 4 } as const;

/**
 * Sends the lines over a connection of their own, each a message of RFC 5424 with octet counting (RFC 5425 section 4.3), and ends it. Syslog has no
 * answers: what is counted as taken is that the other side closed the connection in order after everything was sent.
 */
export async function carryToSyslog(sink: ClaimedSink, lines: readonly ChainLine[], deadline: AbortSignal, guard: AddressGuard): Promise<Result<true, string>> {
  try {
    const socket = await openTls(sink.settings as SyslogSettings, guard, deadline);
    await sendAll(socket, lines, deadline);
    return ok(true);
  } catch (error) {
    return fail(deadline.aborted ? 'The syslog server took too long.' : error instanceof Error ? error.message : String(error));
  }
}

async function openTls({ host, port, trustedCa }: SyslogSettings, guard: AddressGuard, deadline: AbortSignal): Promise<TLSSocket> {
  const socket = await openSocket(await findAddresses(guard, host, deadline), port, deadline);
  const name = isIP(host) === 0 ? { servername: host } : {};
  const tls = connect({ socket, host, minVersion: 'TLSv1.2', ...name, ...(trustedCa !== undefined && { ca: trustedCa }) });
  const giveUp = (): void => void tls.destroy(new Error('out of time'));
  deadline.addEventListener('abort', giveUp, { once: true });
  tls.once('close', () => deadline.removeEventListener('abort', giveUp));
  await once(tls, 'secureConnect');
  return tls;
}

async function sendAll(tls: TLSSocket, lines: readonly ChainLine[], deadline: AbortSignal): Promise<void> {
  // Read and thrown away: the end of the connection is seen only by who reads.
  tls.resume();
  const ended = once(tls, 'end', { signal: deadline });
  ended.catch(() => undefined);
  tls.end(Buffer.concat(lines.map((line) => framed(line))));
  await ended;
}

function framed(line: ChainLine): Buffer {
  const message = Buffer.from(syslogMessage(line), 'utf8');
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

/** HEADER SP STRUCTURED-DATA SP BOM MSG; the message is the line as it stands in an export. */
export function syslogMessage({ text, event }: ChainLine): string {
  const level = event?.outcome === 'failure' ? priority.failure : priority.success;
  const [at, node, id] = event === undefined ? ['-', '-', 'checkpoint'] : [event.at, word(event.nodeId, 255), word(event.action, 32)];
  return `<${level}>1 ${at} ${node} gatehouse - ${id} - \uFEFF${text}`;
}

/** PRINTUSASCII of at most so many signs; `-` where nothing is left. */
function word(text: string, most: number): string {
  return text.replace(/[^!-~]/g, '').slice(0, most) || '-';
}
