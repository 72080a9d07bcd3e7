/**
 * A CA outside Gatehouse that behaves badly: refuses before issuing, issues and never answers, issues and cuts the connection,
 * issues late. It makes a new certificate for every call, so that whoever repeats a call doubles, and it remembers all it made.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { commonNameOf, parseName } from '../../src/pkix/index.js';
import { heldMsSince, machineMs } from './awake.js';
import type { CaCertificate } from './checker.js';
import { createAuthority, wrongKinds } from './hostile-authority.js';
import type { Randomness } from './randomness.js';

/** What a call carries; DER in base64. */
export interface IssueCall {
  readonly ref: string;
  readonly publicKey: string;
  readonly subject: string;
  /** When its caller began it, by `machineMs`. */
  readonly askedMs: number;
}

/**
 * busy: 503, nothing issued. broken, brokenAfter: 500 before and after issuing. silent: issued and never answered; cut: issued and the
 * connection closed; late: issued after its caller gave up. wrong: answers with a wrong certificate. short, long, drip: issued, with an
 * answer cut off, of 2 MiB, or byte by byte. unwelcome: 401. slow: answers only just in time.
 */
export const moods = ['busy', 'broken', 'brokenAfter', 'silent', 'cut', 'late', 'wrong', 'short', 'long', 'drip', 'unwelcome', 'slow'] as const;
export type Mood = (typeof moods)[number] | 'good';
/** The share of calls that meet each mood; the rest are good. */
export type Moods = Readonly<Partial<Record<Mood, number>>>;

export const hostileMoods: Moods = { busy: 0.1, silent: 0.15, cut: 0.05, late: 0.05 };

export interface HostileCa {
  readonly url: string;
  /** Calls for devices so far, and how many of them met each mood. */
  readonly calls: number;
  readonly met: Readonly<Record<string, number>>;
  /** Calls for devices that are not answered yet. */
  readonly underWay: number;
  setMoods(moods: Moods): void;
  issued(): readonly CaCertificate[];
  /** What it made for the calls of one order. */
  madeFor(orderId: string): readonly Made[];
  close(): Promise<void>;
}

/** The longest it may still act after its caller has given up. */
export const lateMs = 1_500;
const slowestMs = 255;

export interface Made {
  readonly der: Buffer;
  readonly commonName: string;
  readonly isWrong: boolean;
  isRevoked: boolean;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function moodOf(shares: Moods, random: Randomness): Mood {
  let left = random.next();
  for (const mood of moods) {
    left -= shares[mood] ?? 0;
    if (left < 0) return mood;
  }
  return 'good';
}

async function drip(response: ServerResponse, bytes: Buffer): Promise<void> {
  response.writeHead(200);
  for (const byte of bytes) {
    if (response.destroyed) return;
    response.write(Buffer.of(byte));
    await sleep(25);
  }
  response.end();
}

/** Listens on a free port. `timeoutMs` is its callers' patience. Only certificates for `chaos-...` get its moods: RA certificates come at once. */
export async function startHostileCa(random: Randomness, timeoutMs: number, first: Moods = hostileMoods): Promise<HostileCa> {
  const authority = createAuthority();
  const byRef = new Map<string, Made[]>();
  const met: Record<string, number> = {};
  let shares = first;
  let [calls, underWay, wrongs] = [0, 0, 0];

  const remember = (ref: string, made: Made): Buffer => {
    byRef.set(ref, [...(byRef.get(ref) ?? []), made]);
    return made.der;
  };

  const answerIssue = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = JSON.parse((await bodyOf(request)).toString('utf8')) as IssueCall;
    const subject = parseName(Buffer.from(call.subject, 'base64'));
    if (!subject.ok) throw subject.error;
    const spki = Buffer.from(call.publicKey, 'base64');
    const commonName = commonNameOf(subject.value) ?? '';
    const issue = () => remember(call.ref, { der: authority.issue(subject.value, spki), commonName, isWrong: false, isRevoked: false });
    if (!commonName.startsWith('chaos-')) return void response.writeHead(200).end(issue());
    const begun = machineMs();
    const mood = moodOf(shares, random);
    calls += 1;
    met[mood] = (met[mood] ?? 0) + 1;
    await sleep(random.between(5, slowestMs));
    if (mood === 'busy') return void response.writeHead(503).end();
    if (mood === 'broken') return void response.writeHead(500).end();
    if (mood === 'unwelcome') return void response.writeHead(401).end();
    if (mood === 'slow') await sleep(timeoutMs - slowestMs - 60);
    if (mood === 'late') await sleep(timeoutMs + random.between(0, lateMs - slowestMs - 20));
    if (mood === 'wrong') {
      wrongs += 1;
      const kind = wrongKinds[wrongs % wrongKinds.length] ?? 'key';
      const der = authority.issueWrong(kind, subject.value, spki);
      return void response.writeHead(200).end(remember(call.ref, { der, commonName, isWrong: true, isRevoked: false }));
    }
    // What it promises of its longest processing holds even where the machine held it up, or held up what was on its way to it.
    const since = heldMsSince(call.askedMs) > 0 ? call.askedMs : begun;
    if (machineMs() - since > timeoutMs + lateMs) return;
    const certificate = issue();
    if (mood === 'silent' || mood === 'late') return;
    if (mood === 'cut') return void response.destroy();
    if (mood === 'brokenAfter') return void response.writeHead(500).end();
    if (mood === 'short')
      return void response.writeHead(200, { 'content-length': certificate.length }).write(certificate.subarray(0, 40), () => response.destroy());
    if (mood === 'long') return void response.writeHead(200).end(Buffer.concat([certificate, Buffer.alloc(2 * 1024 * 1024)]));
    if (mood === 'drip') return drip(response, certificate);
    response.writeHead(200).end(certificate);
  };

  const answerRevoke = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const der = await bodyOf(request);
    const known = [...byRef.values()].flat().find((made) => made.der.equals(der));
    if (known !== undefined) known.isRevoked = true;
    response.writeHead(known === undefined ? 404 : 200).end();
  };

  const listed = (): readonly CaCertificate[] => [...byRef.values()].flat().map(toFact);
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/chain') return void response.writeHead(200).end(authority.certificate);
    if (url.pathname === '/revoke') return void answerRevoke(request, response).catch(() => response.destroy());
    if (url.pathname === '/issue') {
      underWay += 1;
      response.once('close', () => {
        underWay -= 1;
      });
      return void answerIssue(request, response).catch(() => response.destroy());
    }
    // One that was revoked is not what anybody is looking for.
    const found = byRef.get(url.searchParams.get('ref') ?? '')?.find((made) => !made.isRevoked);
    response.writeHead(found === undefined ? 404 : 200).end(found?.der);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    get calls() {
      return calls;
    },
    met,
    get underWay() {
      return underWay;
    },
    setMoods(next) {
      shares = next;
    },
    issued: listed,
    madeFor: (orderId) => [...byRef].flatMap(([ref, made]) => (ref.endsWith(orderId) ? made : [])),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function toFact({ der, commonName, isWrong, isRevoked }: Made): CaCertificate {
  return { sha256: createHash('sha256').update(der).digest('hex'), commonName, isWrong, isRevoked };
}
