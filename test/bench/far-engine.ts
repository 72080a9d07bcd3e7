/**
 * A Crypto Engine elsewhere, as a process of its own: API v1 over HTTP with keep-alive, every certificate after a set time. It answers an
 * Idempotency-Key alike for ever and tells how many certificates it made for how many of them.
 *   node far-engine.js <milliseconds>
 */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  basicConstraintsExtension,
  buildName,
  createSigner,
  fromPem,
  keyUsageExtension,
  type Name,
  nameFromText,
  parseCsr,
  publicKeyOf,
  signCertificate,
  toPem,
} from '../../src/pkix/index.js';
import { certificateTime, oids } from '../../src/protocol/der/index.js';

export interface FarEngineFacts {
  readonly calls: number;
  readonly orders: number;
  readonly certificates: number;
}

const latencyMs = Number(process.argv[2] ?? '0');
const day = 86_400_000;
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicKey = publicKeyOf(privateKey);
const signer = createSigner(privateKey, publicKey);
const issuer = buildName([[oids.commonName, 'Far Engine CA']]);
const own = certify(issuer, publicKey.spki, true, 3650);
const answers = new Map<string, string>();
let calls = 0;
let certificates = 0;

function certify(subject: Name, spki: Buffer, isCa: boolean, days: number): Buffer {
  const [notBefore, notAfter] = [new Date(Date.now() - day), new Date(Date.now() + days * day)];
  const times = { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) };
  const usage = isCa ? (['keyCertSign', 'cRLSign'] as const) : (['digitalSignature', 'keyEncipherment'] as const);
  const extensions = [basicConstraintsExtension({ ca: isCa }), keyUsageExtension(usage)];
  return signCertificate({ serial: randomBytes(12), issuer, subject, notBefore, notAfter, spki, extensions }, times, signer);
}

interface Asked {
  readonly csr?: string;
  readonly publicKey?: string;
  readonly subject: string;
}

function spkiOf(asked: Asked): Buffer {
  if (asked.publicKey !== undefined) return fromPem('PUBLIC KEY', asked.publicKey)[0] as Buffer;
  const csr = parseCsr(fromPem('CERTIFICATE REQUEST', asked.csr ?? '')[0] ?? Buffer.alloc(0));
  if (!csr.ok) throw csr.error;
  return csr.value.publicKey.spki;
}

function issue(key: string, body: string): string {
  const known = answers.get(key);
  if (known !== undefined) return known;
  const asked = JSON.parse(body) as Asked;
  const subject = nameFromText(asked.subject);
  if (!subject.ok) throw new Error(asked.subject);
  certificates += 1;
  const pem = toPem('CERTIFICATE', certify(subject.value, spkiOf(asked), false, 90));
  const answer = JSON.stringify({ certificate: pem, status: 'ACTIVE', chain: [toPem('CERTIFICATE', own)] });
  answers.set(key, answer);
  return answer;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
}

async function answerIssue(request: IncomingMessage, response: ServerResponse): Promise<void> {
  calls += 1;
  const body = await bodyOf(request);
  const key = String(request.headers['idempotency-key']);
  setTimeout(() => send(response, 201, issue(key, body)), latencyMs);
}

const cas = { items: [{ id: 'far', status: 'ACTIVE', profiles: [{ id: 'device' }] }] };
const fixed: Readonly<Record<string, () => unknown>> = {
  '/v1/health': () => ({ status: 'UP' }),
  '/v1/cas': () => cas,
  '/v1/cas/far/chain': () => ({ certificates: [toPem('CERTIFICATE', own)] }),
  '/oauth2/token': () => ({ access_token: randomUUID(), token_type: 'Bearer', expires_in: 3600 }),
  '/facts': (): FarEngineFacts => ({ calls, orders: answers.size, certificates }),
};

const server = createServer((request, response) => {
  const known = fixed[request.url ?? ''];
  if (known !== undefined) return send(response, 200, JSON.stringify(known()));
  if (request.method === 'POST' && request.url === '/v1/cas/far/certificates') return void answerIssue(request, response).catch(() => response.destroy());
  send(response, 404, '{"code":"ca-not-found"}');
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
