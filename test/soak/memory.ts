/** A million requests in one process: whether the heap stays as it was. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import Fastify, { type FastifyInstance } from 'fastify';
import { registerScep } from '../../src/endpoints/scep/route.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import type { EndpointDirectory } from '../../src/tenancy/directory.js';
import { challenge, scepEndpoint } from '../bench/endpoint.js';
import { createMemoryCore } from '../bench/memory-core.js';
import { say } from '../bench/report.js';
import { prepareScep } from '../bench/scep-load.js';
import type { DeviceKey } from '../chaos/device/keys.js';
import { readCertRep } from '../chaos/device/scep-message.js';
import { type Figure, figure } from './figure.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Messages that are sent over and over; the core keeps only its last few orders, so that each is a new enrolment. */
const messagesAtOnce = 500;
const checkpoints = 20;
/** Bytes a request may leave behind: 16 MB in a million. */
const mostPerRequest = 16;

interface Checkpoint {
  readonly requests: number;
  readonly bytes: number;
}

/** Everything that lives: the heap, and what buffers hold outside it. */
async function livingBytes(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Least squares: bytes for each request. */
export function slopeOf(points: readonly Checkpoint[]): number {
  const mean = (pick: (point: Checkpoint) => number) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [x, y] = [mean(({ requests }) => requests), mean(({ bytes }) => bytes)];
  const covariance = points.reduce((sum, { requests, bytes }) => sum + (requests - x) * (bytes - y), 0);
  return covariance / points.reduce((sum, { requests }) => sum + (requests - x) ** 2, 0);
}

/** Of ten requests five are GetCACert, three GetCACaps and two PKIOperations, one enrolment and one that cannot be read. */
function kindOf(number: number): 'GetCACert' | 'GetCACaps' | 'enrolment' | 'junk' {
  const place = number % 10;
  if (place < 5) return 'GetCACert';
  if (place < 8) return 'GetCACaps';
  return place === 8 ? 'enrolment' : 'junk';
}

async function isAnsweredRightly(app: FastifyInstance, number: number, messages: readonly Buffer[]): Promise<boolean> {
  const kind = kindOf(number);
  const url = `/scep/demo?operation=${kind === 'enrolment' || kind === 'junk' ? 'PKIOperation' : kind}`;
  if (kind === 'GetCACert' || kind === 'GetCACaps') {
    const { statusCode, rawPayload } = await app.inject({ method: 'GET', url });
    return statusCode === 200 && rawPayload.length > 20;
  }
  const whole = messages[Math.floor(number / 10) % messages.length] as Buffer;
  const payload = kind === 'enrolment' ? whole : whole.subarray(0, 1 + (number % 1_000));
  const { statusCode, rawPayload } = await app.inject({ method: 'POST', url, payload });
  if (kind === 'junk') return statusCode === 400;
  return statusCode === 200 && readCertRep(rawPayload).status === 'success';
}

/** What is left after each request, by the line through the checkpoints of the last four fifths. */
export async function flatMemory(keys: readonly DeviceKey[], requests: number): Promise<readonly Figure[]> {
  const core = await createMemoryCore('P-256', { reference: '', secret: Buffer.alloc(16) });
  const endpoint = scepEndpoint(core);
  const [ra] = endpoint.raKeys;
  const raKey = ra?.certificate.publicKey.keyObject();
  const [ca] = endpoint.caChain;
  if (ra === undefined || ca === undefined || !raKey?.ok) throw new Error('The endpoint has no RA key.');
  const { messages } = prepareScep(messagesAtOnce, keys, { ra: ra.certificate, raKey: raKey.value, ca, challenge });
  const directory: EndpointDirectory = { scep: () => endpoint, cmp: () => undefined, defaultCmp: () => undefined, legacy: () => undefined };
  const app = Fastify();
  registerScep(app, { directory, enrolment: core.enrolment, clock: systemClock, log: createLog('error') });

  const points: Checkpoint[] = [];
  let faults = 0;
  const every = Math.ceil(requests / checkpoints);
  for (let number = 0; number < requests; number += 1) {
    if (!(await isAnsweredRightly(app, number, messages))) faults += 1;
    if ((number + 1) % every !== 0) continue;
    points.push({ requests: number + 1, bytes: await livingBytes() });
    say(`  ${number + 1} requests: ${((points.at(-1)?.bytes ?? 0) / 1e6).toFixed(2)} MB alive, ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB resident`);
  }
  await app.close();
  const settled = points.slice(Math.floor(points.length / 5));
  // A short run sees the compilers at work and little else: its slope is shown, not judged.
  const limit = requests >= 500_000 ? { most: mostPerRequest, faults } : { faults };
  const [first, last] = [settled[0]?.bytes ?? 0, settled.at(-1)?.bytes ?? 0];
  return [
    figure(`memory left behind, slope over ${requests} requests`, slopeOf(settled), 'bytes/request', limit),
    figure('memory alive, last checkpoint less the first that counts', (last - first) / 1e6, 'MB'),
  ];
}
