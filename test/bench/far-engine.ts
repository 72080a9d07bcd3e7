/**
 * A Crypto Engine elsewhere, as a process of its own: API v1 over raw HTTP with keep-alive, every certificate after a set time. It answers an
 * Idempotency-Key alike for ever and tells how many certificates it made for how many of them.
 *   node far-engine.js <milliseconds>
 */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
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
import { type RawRequest, type Reply, serveRaw } from './raw-http.js';

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
/** The same in every answer: it need not be written anew. */
const chain = JSON.stringify([toPem('CERTIFICATE', own)]);
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
  const answer = `{"certificate":${JSON.stringify(pem)},"status":"ACTIVE","chain":${chain}}`;
  answers.set(key, answer);
  return answer;
}

function answerIssue({ header, body }: RawRequest, reply: Reply): void {
  calls += 1;
  const key = header('idempotency-key') ?? '';
  const text = body.toString('utf8');
  setTimeout(() => reply(201, issue(key, text)), latencyMs);
}

const cas = { items: [{ id: 'far', status: 'ACTIVE', profiles: [{ id: 'device' }] }] };
const fixed: Readonly<Record<string, () => unknown>> = {
  '/v1/health': () => ({ status: 'UP' }),
  '/v1/cas': () => cas,
  '/v1/cas/far/chain': () => ({ certificates: JSON.parse(chain) as unknown }),
  '/oauth2/token': () => ({ access_token: randomUUID(), token_type: 'Bearer', expires_in: 3600 }),
  '/facts': (): FarEngineFacts => ({ calls, orders: answers.size, certificates }),
};

const { port } = await serveRaw((request, reply) => {
  const known = fixed[request.path];
  if (known !== undefined) return reply(200, JSON.stringify(known()));
  if (request.method === 'POST' && request.path === '/v1/cas/far/certificates') return answerIssue(request, reply);
  reply(404, '{"code":"ca-not-found"}');
});
process.stdout.write(`${port}\n`);
