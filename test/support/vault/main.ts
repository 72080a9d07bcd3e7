import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dnsName, ipName, publicKeyOf, subjectAltNameExtension, toPem } from '../../../src/pkix/index.js';
import { type Answered, PkiEngine, refused } from './engine.js';
import type { VaultCommand, VaultSetup, VaultWord } from './index.js';
import { certify, makeCa } from './pki.js';

let setup = JSON.parse(process.argv[2] ?? '{}') as Required<VaultSetup>;
let engine = new PkiEngine(setup.roles);
const roleId = randomUUID();
const secretId = randomUUID();
const tokens = new Map<string, number>();
let logins = 0;
let renewals = 0;
let isSealed = false;
let faults: NonNullable<VaultCommand['faults']> = [];
const calls: string[] = [];

const now = (): number => Date.now() / 1000;

function auth(): object {
  const token = `hvs.${randomBytes(24).toString('base64url')}`;
  tokens.set(token, now() + setup.tokenSeconds);
  return { client_token: token, lease_duration: setup.tokenSeconds, renewable: setup.isRenewable, policies: ['default', 'gatehouse'], token_type: 'service' };
}

function answerOf(method: string, path: string, headers: IncomingMessage['headers'], body: Record<string, unknown>): Answered & { readonly auth?: object } {
  if (path.startsWith('sys/health')) return { status: isSealed ? 503 : 200, ...health() };
  if (isSealed) return refused(503, 'Vault is sealed');
  if ((headers['x-vault-namespace'] ?? '') !== setup.namespace) return refused(404, `no handler for route "${path}". route entry not found.`);
  if (path === `auth/${setup.authPath}/login`) {
    logins += 1;
    const isKnown = body.role_id === roleId && body.secret_id === secretId;
    return isKnown ? { status: 200, auth: auth() } : refused(400, 'invalid role or secret ID');
  }
  const token = String(headers['x-vault-token'] ?? '');
  if ((tokens.get(token) ?? 0) <= now()) return refused(403, 'permission denied', 'invalid token');
  if (path === 'auth/token/renew-self') {
    renewals += 1;
    tokens.set(token, now() + setup.tokenSeconds);
    return { status: 200, auth: { lease_duration: setup.tokenSeconds, renewable: true } };
  }
  if (!path.startsWith(`${setup.mount}/`)) return refused(404, `no handler for route "${path}". route entry not found.`);
  const inside = path.slice(setup.mount.length + 1);
  if (setup.denied.some((part) => inside.startsWith(part))) return refused(403, '1 error occurred:\n\t* permission denied\n\n');
  return inMount(method, inside, body);
}

function inMount(method: string, path: string, body: Record<string, unknown>): Answered {
  const [, issuer = 'default', rest = path] = /^issuer\/([^/]+)\/(.+)$/.exec(path) ?? [];
  const [verb = '', name = ''] = rest.split('/');
  if (method === 'POST' && (verb === 'sign' || verb === 'sign-verbatim')) return engine.sign(issuer, name, verb === 'sign-verbatim', body);
  if (method === 'POST' && rest === 'revoke') return engine.revoke(body);
  if (method !== 'GET') return refused(405, 'unsupported operation');
  if (rest === 'json') return engine.issuer(issuer);
  if (rest === 'crl/der' || path === 'crl') return engine.crl(issuer);
  if (path === 'certs?list=true') return engine.certificates();
  if (path === 'issuers?list=true') return engine.issuers();
  if (path === 'roles?list=true') return engine.roles();
  if (verb === 'roles') return engine.role(name);
  return verb === 'cert' ? engine.certificate(name) : refused(404, `no handler for route "${path}". route entry not found.`);
}

function health() {
  const bytes = Buffer.from(JSON.stringify({ initialized: true, sealed: isSealed, standby: false, version: '2.4.1' }));
  return { bytes };
}

function send(response: ServerResponse, { status, data, errors, bytes, auth: granted }: Answered & { readonly auth?: object }): void {
  if (bytes !== undefined) return void response.writeHead(status, { 'content-type': 'application/octet-stream' }).end(bytes);
  const body = status >= 400 ? { errors: errors ?? [] } : { request_id: randomUUID(), data: data ?? null, auth: granted ?? null, warnings: null };
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** The first scripted fault that fits this call, used up. */
function faultFor(call: string) {
  const fault = faults.find(({ call: pattern, times = 1 }) => times > 0 && new RegExp(pattern).test(call));
  faults = faults.map((item) => (item === fault ? { ...item, times: (item.times ?? 1) - 1 } : item));
  return fault;
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method = 'GET', url = '/', headers } = request;
    const path = decodeURIComponent(url.replace(/^\/v1\//, ''));
    const call = `${method} ${path}`;
    calls.push(call);
    const fault = faultFor(call);
    if (fault?.status !== undefined) return void response.writeHead(fault.status, { 'content-type': 'application/json' }).end(fault.body ?? '');
    const text = Buffer.concat(chunks).toString();
    const answer = answerOf(method, path, headers, text === '' ? {} : JSON.parse(text));
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'cut') return void request.socket.destroy();
    send(response, answer);
  });
}

const tlsCa = makeCa('Vault Test TLS');
const tlsKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const tlsCertificate = certify(
  { key: tlsCa.key, publicKey: tlsCa.publicKey, subject: tlsCa.certificate.subject },
  {
    subject: tlsCa.certificate.subject,
    publicKey: publicKeyOf(tlsKey),
    extensions: [subjectAltNameExtension([dnsName('localhost'), ipName('127.0.0.1')], false)],
    lifeMs: 86_400_000,
  },
);
const key = tlsKey.export({ format: 'pem', type: 'pkcs8' });
const server = createServer({ key, cert: toPem('CERTIFICATE', tlsCertificate) }, handle);

const say = (word: VaultWord): void => void process.send?.(word);

/** As if it had just been started. */
function begin(anew: Required<VaultSetup>): void {
  setup = anew;
  engine = new PkiEngine(setup.roles);
  tokens.clear();
  [logins, renewals, isSealed, faults] = [0, 0, false, []];
  calls.splice(0);
}

process.on('message', ({ id, setup: anew, faults: scripted, sealed, forgetTokens }: VaultCommand) => {
  if (anew !== undefined) begin(anew);
  if (scripted !== undefined) faults = scripted;
  if (sealed !== undefined) isSealed = sealed;
  if (forgetTokens === true) tokens.clear();
  say({ kind: 'state', id, state: { logins, renewals, issued: engine.issued, calls: calls.splice(0) } });
});
process.on('disconnect', () => process.exit(0));

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  const tls = toPem('CERTIFICATE', tlsCa.chain[0] ?? Buffer.alloc(0));
  say({ kind: 'listening', origin: `https://127.0.0.1:${port}`, trustedCa: tls, roleId, secretId });
});
