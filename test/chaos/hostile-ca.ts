/**
 * A CA outside Gatehouse that behaves badly: refuses before issuing, issues and never answers, issues and cuts the connection,
 * issues late. It makes a new certificate for every call, so that whoever repeats a call doubles, and it remembers all it made.
 */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  basicConstraintsExtension,
  buildName,
  type Certificate,
  commonNameOf,
  createSigner,
  keyUsageExtension,
  parseCertificate,
  parseName,
  publicKeyOf,
  signCertificate,
} from '../../src/pkix/index.js';
import { certificateTime, oids } from '../../src/protocol/der/index.js';
import type { StoredCertificate } from './checker.js';
import type { Randomness } from './randomness.js';

/** What a call carries; DER in base64. */
export interface IssueCall {
  readonly ref: string;
  readonly publicKey: string;
  readonly subject: string;
}

export interface HostileCa {
  readonly url: string;
  readonly calls: number;
  issued(): readonly StoredCertificate[];
  close(): Promise<void>;
}

/** The longest it may still act after its caller has given up. */
export const lateMs = 300;
const day = 86_400_000;

function createAuthority() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = publicKeyOf(privateKey);
  const signer = createSigner(privateKey, publicKey);
  const name = buildName([[oids.commonName, 'Hostile CA']]);
  const sign = (subject: Certificate['subject'], spki: Buffer, days: number, isCa: boolean): Buffer => {
    const [notBefore, notAfter] = [new Date(Date.now() - day), new Date(Date.now() + days * day)];
    const times = { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) };
    const usage = isCa ? (['keyCertSign'] as const) : (['digitalSignature', 'keyEncipherment'] as const);
    const extensions = [basicConstraintsExtension({ ca: isCa }), keyUsageExtension(usage)];
    return signCertificate({ serial: randomBytes(12), issuer: name, subject, notBefore, notAfter, spki, extensions }, times, signer);
  };
  return { certificate: sign(name, publicKey.spki, 3650, true), issue: (subject: Certificate['subject'], spki: Buffer) => sign(subject, spki, 365, false) };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

type Mood = 'busy' | 'silent' | 'cut' | 'late' | 'good';

function moodOf(random: Randomness): Mood {
  const draw = random.next();
  if (draw < 0.1) return 'busy';
  if (draw < 0.25) return 'silent';
  if (draw < 0.3) return 'cut';
  return draw < 0.35 ? 'late' : 'good';
}

/** Listens on a free port. `timeoutMs` is its callers' patience. Only certificates for `chaos-...` get its moods: RA certificates come at once. */
export async function startHostileCa(random: Randomness, timeoutMs: number): Promise<HostileCa> {
  const authority = createAuthority();
  const byRef = new Map<string, Buffer[]>();
  let calls = 0;

  const issue = (call: IssueCall): Buffer => {
    const subject = parseName(Buffer.from(call.subject, 'base64'));
    if (!subject.ok) throw subject.error;
    const certificate = authority.issue(subject.value, Buffer.from(call.publicKey, 'base64'));
    byRef.set(call.ref, [...(byRef.get(call.ref) ?? []), certificate]);
    return certificate;
  };

  const answerIssue = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = JSON.parse(await bodyOf(request)) as IssueCall;
    const subject = parseName(Buffer.from(call.subject, 'base64'));
    const isDevice = subject.ok && commonNameOf(subject.value)?.startsWith('chaos-') === true;
    const mood = isDevice ? moodOf(random) : 'good';
    calls += 1;
    if (isDevice) await sleep(random.between(5, 255));
    if (mood === 'busy') return void response.writeHead(503).end();
    if (mood === 'late') await sleep(timeoutMs + random.between(0, lateMs - 260));
    const certificate = issue(call);
    if (mood === 'silent' || mood === 'late') return;
    if (mood === 'cut') return void response.destroy();
    response.writeHead(200).end(certificate);
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/chain') return void response.writeHead(200).end(authority.certificate);
    if (url.pathname === '/issue') return void answerIssue(request, response).catch(() => response.destroy());
    const found = byRef.get(url.searchParams.get('ref') ?? '')?.[0];
    response.writeHead(found === undefined ? 404 : 200).end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    get calls() {
      return calls;
    },
    issued: () => [...byRef.values()].flat().map(storedCertificate),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function storedCertificate(der: Buffer): StoredCertificate {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  return { sha256: createHash('sha256').update(der).digest('hex'), commonName: commonNameOf(parsed.value.subject) ?? '' };
}
