import { setImmediate } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import t from 'tap';
import { buildRequest } from '../../src/device-client/certificate-wish.js';
import { buildPkcsReq, generateRsaKey } from '../../src/device-client/scep.js';
import { registerCmp } from '../../src/endpoints/cmp/route.js';
import { loadLimits } from '../../src/endpoints/overload.js';
import { registerScep } from '../../src/endpoints/scep/route.js';
import { createLog } from '../../src/runtime/log.js';
import { begin, nonce, wish } from './cmp/requests.js';
import { openStage } from './cmp/stage.js';
import { createWorld, issuingEnrolment, name } from './scep/world.js';

const log = createLog('silent');

/** A clock that is asked once at the start of each message, and makes that as costly as a message can be. */
function costlyClock() {
  const state = { turn: 0, isOver: false };
  const begun: number[] = [];
  const count = async (): Promise<void> => {
    for (; !state.isOver; state.turn += 1) await setImmediate();
  };
  const now = (): Date => {
    begun.push(state.turn);
    for (const since = performance.now(); performance.now() - since <= loadLimits.turnMs + 1; );
    return new Date();
  };
  return { begun, counting: count(), state, clock: { now } };
}

function empty(): FastifyInstance {
  const app = Fastify({ logger: false }) as unknown as FastifyInstance;
  app.removeAllContentTypeParsers();
  return app;
}

interface Served {
  readonly protocol: string;
  readonly url: string;
  readonly type: string;
  readonly payload: Buffer;
  register(app: FastifyInstance, clock: ReturnType<typeof costlyClock>['clock']): void;
}

async function cmp(): Promise<Served> {
  const stage = openStage();
  const payload = buildRequest(await begin(), { senderNonce: nonce() }, wish());
  const register: Served['register'] = (app, clock) => registerCmp(app, { directory: stage.directory, enrolment: stage.core, clock, log });
  return { protocol: 'CMP', url: '/cmp/demo', type: 'application/pkixcmp', payload, register };
}

function scep(): Served {
  const world = createWorld();
  const directory = { ...openStage().directory, scep: () => world.endpoint };
  const asked = { key: generateRsaKey(), subject: name('/CN=device-1'), recipient: world.ra.certificate, challenge: 'open sesame' };
  const register: Served['register'] = (app, clock) => registerScep(app, { directory, enrolment: issuingEnrolment(world), clock, log });
  return { protocol: 'SCEP', url: '/scep/demo?operation=PKIOperation', type: 'application/x-pki-message', payload: buildPkcsReq(asked).message, register };
}

t.test('CMP-203 costly messages whose bodies end together are each begun in a turn of its own', async (t) => {
  for (const { protocol, url, type, payload, register } of [await cmp(), scep()]) {
    const { begun, counting, state, clock } = costlyClock();
    const app = empty();
    register(app, clock);
    const answers = await Promise.all(Array.from({ length: 8 }, () => app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload })));
    state.isOver = true;
    await counting;
    t.ok(
      answers.every(({ statusCode }) => statusCode === 200),
      protocol,
    );
    t.ok(new Set(begun).size >= 8, `${protocol}: ${begun.length} looks at the clock in ${new Set(begun).size} turns`);
  }
});
