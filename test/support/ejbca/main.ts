/** EJBCA for tests, in a process of its own: HTTPS that asks for client certificates, and a control port that tells it how to behave. */

import { createPublicKey } from 'node:crypto';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { parsePublicKey, publicKeyOf, toPem } from '../../../src/pkix/index.js';
import { issue } from './issue.js';
import { altNamesFrom, nameFrom } from './names.js';
import { type Ca, makeCa, pfxOf, tlsIdentity } from './pki.js';
import { answerRest, caByDn, chainPem, crlFor, type Reply, restCall, told } from './rest.js';
import { type Rule, type Settings, type State, usualSettings } from './state.js';
import { answerSoap, soapCall } from './web-service.js';

const root = makeCa('Fake Root CA');
const state: State = {
  settings: { ...usualSettings },
  rules: [],
  cas: new Map<string, Ca>([
    ['IssuingCA', makeCa('Fake Issuing CA', root)],
    ['OtherCA', makeCa('Fake Other CA', root)],
  ]),
  endEntityProfiles: ['Devices', 'Servers & more'],
  certificateProfiles: ['DeviceTLS', 'ServerTLS'],
  entities: new Map(),
  issued: [],
  calls: new Map(),
  crlNumber: 0,
};

const management = makeCa('Fake Management CA', undefined, 'rsa');
const stranger = makeCa('Unknown CA', undefined, 'rsa');
const server = tlsIdentity(management, 'ejbca.example', 'server');
const password = 'pfx password';
const hourMs = 3_600_000;
const clients = {
  good: tlsIdentity(management, 'Gatehouse RA', 'client'),
  unknown: tlsIdentity(stranger, 'Gatehouse RA', 'client'),
  expired: tlsIdentity(management, 'Gatehouse RA', 'client', { notBefore: new Date(Date.now() - 48 * hourMs), notAfter: new Date(Date.now() - hourMs) }),
};

function nextRule(call: string): Rule | undefined {
  const entry = state.rules.find(({ rule, left }) => left > 0 && (rule.call === call || rule.call === '*'));
  if (entry === undefined) return undefined;
  if (entry.rule.percent !== undefined && Math.random() * 100 >= entry.rule.percent) return undefined;
  entry.left -= 1;
  return entry.rule;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function callOf(method: string, path: string, body: Buffer): string {
  if (path.startsWith('/ejbca/ejbca-rest-api/')) return restCall(method, path.slice('/ejbca/ejbca-rest-api/'.length)) ?? 'unknown';
  if (path === '/ejbca/ejbcaws/ejbcaws') return `soap:${soapCall(body.toString('utf8')) ?? ''}`;
  return 'certdist';
}

function work(request: IncomingMessage, url: URL, body: Buffer, call: string, rule: Rule | undefined): Reply {
  if (url.pathname.startsWith('/ejbca/ejbca-rest-api/')) {
    const path = url.pathname.slice('/ejbca/ejbca-rest-api/'.length);
    return answerRest(state, { call: restCall(request.method ?? '', path), path, query: url.searchParams, body, wrong: rule?.wrong });
  }
  if (call.startsWith('soap:')) return answerSoap(state, call.slice(5), body.toString('utf8'), rule?.wrong);
  return distributed(url);
}

function distributed(url: URL): Reply {
  const caName = caByDn(state, url.searchParams.get('issuer') ?? '');
  const missing: Reply = { status: 404, type: 'text/html', body: Buffer.from('<html>No CA certificate found</html>') };
  if (url.pathname !== '/ejbca/publicweb/webdist/certdist' || caName === undefined) return missing;
  if (url.searchParams.get('cmd') === 'cachain') return { status: 200, type: 'application/octet-stream', body: Buffer.from(chainPem(state, caName)) };
  return { status: 200, type: 'application/x-x509-crl', body: crlFor(state, caName) ?? Buffer.alloc(0) };
}

function send(response: ServerResponse, reply: Reply, after: Rule['after']): void {
  if (after === 'cut') return void response.socket?.destroy();
  if (after === 'hang') return;
  if (after === 'status')
    return void response.writeHead(500, { 'content-type': 'application/json' }).end('{"error_code":500,"error_message":"General failure."}');
  if (after === 'flood') {
    response.writeHead(200, { 'content-type': 'application/json' });
    const block = Buffer.alloc(1024 * 1024, 0x20);
    let left = 100;
    const pour = () => {
      while (left > 0 && !response.destroyed) {
        left -= 1;
        if (!response.write(block)) return void response.once('drain', pour);
      }
      response.end();
    };
    pour();
    return;
  }
  response.writeHead(reply.status, { 'content-type': reply.type, 'content-length': reply.body.length });
  if (after !== 'truncate') return void response.end(reply.body);
  response.write(reply.body.subarray(0, reply.body.length >> 1), () => response.socket?.destroy());
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request);
  const url = new URL(request.url ?? '/', 'https://ejbca.example');
  const call = callOf(request.method ?? '', url.pathname, body);
  state.calls.set(call, (state.calls.get(call) ?? 0) + 1);
  const rule = nextRule(call);
  if (rule?.latencyMs !== undefined) await wait(rule.latencyMs);
  if (rule?.instead === 'cut') return void response.socket?.destroy();
  if (rule?.instead === 'hang') return;
  if (rule?.status !== undefined) {
    const text = typeof rule.body === 'string' ? rule.body : JSON.stringify(rule.body ?? {});
    return void response.writeHead(rule.status, { 'content-type': typeof rule.body === 'string' ? 'text/html' : 'application/json' }).end(text);
  }
  if (rule?.lateMs !== undefined) return void setTimeout(() => work(request, url, body, call, rule), rule.lateMs);
  send(response, work(request, url, body, call, rule), rule?.after);
}

/** Of the two TLS ports of an EJBCA, the one that asks for no client certificate: it serves what is public. */
function serveOpen(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const url = new URL(request.url ?? '/', 'https://ejbca.example');
  if (url.pathname.startsWith('/ejbca/publicweb/')) {
    send(response, distributed(url), undefined);
    return;
  }
  response
    .writeHead(403, { 'content-type': 'application/json' })
    .end('{"error_code":403,"error_message":"Authentication failed: no client certificate or OAuth token"}');
}

function seed(fields: Record<string, string>): unknown {
  const key = createPublicKey({ key: Buffer.from(fields.publicKey ?? '', 'base64'), format: 'der', type: 'spki' });
  const spki = parsePublicKey(publicKeyOf(key).spki);
  if (!spki.ok) throw spki.error;
  const issued = issue(state, {
    username: fields.username ?? '',
    caName: fields.caName ?? 'IssuingCA',
    endEntityProfile: 'Devices',
    certificateProfile: 'DeviceTLS',
    subject: nameFrom(fields.subject ?? '', false),
    sans: altNamesFrom(fields.subjectAltName ?? ''),
    spki: spki.value.spki,
  });
  return told(issued);
}

async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = (await bodyOf(request)).toString('utf8');
  const body = text === '' ? undefined : JSON.parse(text);
  const handlers: Record<string, () => unknown> = {
    'POST /rules': () => void state.rules.push(...(body as Rule[]).map((rule) => ({ rule, left: rule.times ?? 1 }))),
    'POST /settings': () => Object.assign(state.settings, body as Partial<Settings>),
    'POST /reset': () => {
      state.settings = { ...usualSettings };
      state.rules = [];
      state.issued = [];
      state.entities.clear();
      state.calls.clear();
    },
    'POST /issued': () => seed(body as Record<string, string>),
    'GET /issued': () => state.issued.map(told),
    'GET /calls': () => Object.fromEntries(state.calls),
  };
  const handler = handlers[`${request.method} ${request.url}`];
  const answer = handler === undefined ? { error: 'unknown' } : (handler() ?? {});
  response.writeHead(handler === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

function listen(made: Server | ReturnType<typeof createHttp>): Promise<number> {
  return new Promise((resolve) => made.listen(0, '127.0.0.1', () => resolve((made.address() as AddressInfo).port)));
}

const trusted = toPem('CERTIFICATE', management.chain[0] as Buffer);
const handle = (request: IncomingMessage, response: ServerResponse): void => {
  serve(request, response).catch(() => response.socket?.destroy());
};
const tls = { key: server.key, cert: server.cert };
const secured = createHttps({ ...tls, ca: trusted, requestCert: true, rejectUnauthorized: true }, handle);
const open = createHttps(tls, serveOpen);
const [port, openPort, controlPort] = [await listen(secured), await listen(open), await listen(createHttp((...pair) => void control(...pair)))];
const pfx = Object.fromEntries(Object.entries(clients).map(([name, identity]) => [name, pfxOf(identity, password).toString('base64')]));
const ready = {
  url: `https://127.0.0.1:${port}`,
  openUrl: `https://127.0.0.1:${openPort}`,
  controlUrl: `http://127.0.0.1:${controlPort}`,
  trustedCa: trusted,
  pfx,
  pfxPassword: password,
  identity: Object.fromEntries(Object.entries(clients).map(([name, { key, cert }]) => [name, { key, cert }])),
  rootCa: toPem('CERTIFICATE', root.chain[0] as Buffer),
  issuingCa: toPem('CERTIFICATE', state.cas.get('IssuingCA')?.chain[0] ?? Buffer.alloc(0)),
};
process.stdout.write(`${JSON.stringify(ready)}\n`);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
