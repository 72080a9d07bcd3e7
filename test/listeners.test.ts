import { METHODS } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { PassThrough } from 'node:stream';
import t from 'tap';
import type { Config } from '../src/config.js';
import { deviceServer } from '../src/listeners.js';
import { stoppedClock } from '../src/runtime/clock.js';
import { createLog } from '../src/runtime/log.js';
import type { CmpEndpoint } from '../src/tenancy/directory.js';
import { cmpProfile } from './support/profiles.js';

/** The device listener with one CMP endpoint, `demo`, that nothing here gets as far as. */
async function listening() {
  const endpoint = { profile: cmpProfile({ endpointPath: 'demo' }), raKeys: [], caChain: [], trustAnchors: [] } as unknown as CmpEndpoint;
  const parts = {
    directory: { scep: () => undefined, cmp: (path: string) => (path === 'demo' ? endpoint : undefined), defaultCmp: () => endpoint, legacy: () => undefined },
    enrolment: { noteRefusal: () => undefined },
    engine: { crl: async () => undefined, certificateOf: () => undefined },
    clock: stoppedClock(new Date()),
    log: createLog('silent', new PassThrough()),
    readiness: async () => ({ ready: true, checks: {} }),
  } as unknown as Parameters<typeof deviceServer>[1];
  const { app } = deviceServer({ listen: { host: '127.0.0.1', port: 0 }, trustedProxies: [] } as unknown as Config, parts);
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, port: (app.server.address() as AddressInfo).port };
}

/** All that comes back for these octets until the server closes the connection, or has answered a request that asked it to. */
function exchange(port: number, octets: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(octets, 'latin1'));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

t.test('what is no HTTP request gets a status and a few plain words', async (t) => {
  const { app, port } = await listening();
  t.teardown(() => app.close());
  for (const [name, octets, status] of [
    ['a request line that is none', 'HELLO\r\n\r\n', '400 Bad Request'],
    ['TLS on a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '400 Bad Request'],
    ['a header that is none', 'GET / HTTP/1.1\r\nno header\r\n\r\n', '400 Bad Request'],
    ['two lengths', 'POST /cmp/demo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', '400 Bad Request'],
    ['headers without end', `GET / HTTP/1.1\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, '431 Request Header Fields Too Large'],
  ] as const) {
    const answer = await exchange(port, octets);
    t.equal(answer.split('\r\n', 1)[0], `HTTP/1.1 ${status}`, name);
    t.match(answer, /\r\nContent-Type: text\/plain\r\n/, name);
    t.match(answer, /\r\nConnection: close\r\n/, name);
    t.notMatch(answer, /[{}]/, `${name}: no JSON`);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    t.match(head, `Content-Length: ${body.length}`);
  }
});

t.test('RFC 9811 section 3.1: methods other than POST are refused at a CMP path, whatever they are', async (t) => {
  const { app, port } = await listening();
  t.teardown(() => app.close());
  for (const method of METHODS.filter((name) => name !== 'POST' && name !== 'CONNECT')) {
    for (const path of ['/cmp/demo', '/.well-known/cmp', '/.well-known/cmp/p/demo/initialization']) {
      const answer = await exchange(port, `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      t.equal(answer.split('\r\n', 1)[0], 'HTTP/1.1 405 Method Not Allowed', `${method} ${path}`);
      t.match(answer, /\r\nallow: POST\r\n/i, `${method} ${path}`);
      t.notMatch(answer, /[{}]/, `${method} ${path}: no JSON`);
    }
  }
  for (const method of ['TRACE', 'PROPFIND', 'M-SEARCH']) {
    const answer = await exchange(port, `${method} /cmp/unknown HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    t.equal(answer.split('\r\n', 1)[0], 'HTTP/1.1 404 Not Found', `${method} of an unknown profile`);
    t.notMatch(answer, /[{}]/);
  }
});
