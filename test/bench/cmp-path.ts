/** CMP ir under a shared secret and p10cr under a device certificate, from bytes to bytes on one thread. */
import { type KeyObject, randomBytes } from 'node:crypto';
import { type CmpDeps, createSignerMemory, handleCmpMessage } from '../../src/endpoints/cmp/index.js';
import { buildName, type Certificate, emptyName, type PublicKey, parseCertificate, signCsr } from '../../src/pkix/index.js';
import { createMacKeys } from '../../src/protocol/cmp/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import type { CmpEndpoint } from '../../src/tenancy/directory.js';
import { type CmpHeader, certificateOf, encodeCmp, irBody, type Protection, p10crBody, pbmKey, readCmpAnswer } from '../chaos/device/cmp-message.js';
import { type DeviceKey, p256Key } from '../chaos/device/keys.js';
import { cmpEndpoint } from './endpoint.js';
import { type CaKey, irFloor, measurePrimitives, type Primitives, p10crFloor } from './floor.js';
import { createMemoryCore, type MemoryCore } from './memory-core.js';
import { type Row, say } from './report.js';
import { type Sample, timed } from './sampling.js';
import { type ThreadExtent, threadRow, warmUp } from './scep-path.js';

const iterations = 500;
export const shared = { reference: 'benchmark', secret: Buffer.from('a shared secret of some length') };
export const keyCount = 32;

export interface PreparedCmp {
  readonly message: Buffer;
  readonly transactionId: Buffer;
  readonly spki: Buffer;
}

/** What is measured: who prepares the messages, and what checks the protection of the answers. */
export interface Scene {
  readonly core: MemoryCore;
  readonly endpoint: CmpEndpoint;
  readonly credential: Buffer | KeyObject;
  prepare(count: number): readonly PreparedCmp[] | Promise<readonly PreparedCmp[]>;
  /** What is wrong with an answer, where it is to be read in another way. */
  problemOf?(prepared: PreparedCmp, bytes: Buffer): string | undefined;
}

function newHeader(): CmpHeader {
  return { transactionId: randomBytes(16), senderNonce: randomBytes(16), recipient: emptyName, implicitConfirm: true };
}

function prepareIr(key: DeviceKey, name: string): PreparedCmp {
  const header = newHeader();
  const salt = randomBytes(16);
  const protection: Protection = { kind: 'mac', ...shared, salt, iterations };
  const body = irBody(buildName([[oids.commonName, name]]), key.spki, key.privateKey);
  return { message: encodeCmp(header, body, protection, pbmKey(shared.secret, salt, iterations)), transactionId: header.transactionId, spki: key.spki };
}

export async function irScene(ca: CaKey): Promise<Scene> {
  const core = await createMemoryCore(ca, shared);
  const keys = Array.from({ length: keyCount }, (_, index) => p256Key(`device-${index}`));
  const prepare = (count: number) => Array.from({ length: count }, (_, index) => prepareIr(keys[index % keyCount] as DeviceKey, `bench-${index}`));
  return { core, endpoint: cmpEndpoint(core, 'P-256'), credential: shared.secret, prepare };
}

export async function enrolled(scene: Scene, key: DeviceKey, name: string): Promise<Certificate> {
  const reply = await handleCmpMessage(scene.endpoint, prepareIr(key, name).message, caller, depsOf(scene.core));
  const answer = reply.status === 200 ? readCmpAnswer(reply.bytes) : undefined;
  const certificate = answer === undefined ? undefined : parseCertificate(certificateOf(answer).der);
  if (!certificate?.ok) throw new Error(`The device certificate was refused: ${answer?.detail}`);
  return certificate.value;
}

/** Devices renew their place in the PKI: each message is signed with a certificate that this CA issued to it before. */
export async function p10crScene(ca: CaKey): Promise<Scene> {
  const scene = await irScene(ca);
  const endpoint = { ...scene.endpoint, raKeys: cmpEndpoint(scene.core, ca).raKeys };
  const keys = Array.from({ length: keyCount }, (_, index) => p256Key(`device-${index}`));
  const devices = await Promise.all(keys.map(async (key, index) => ({ key, certificate: await enrolled(scene, key, `device-${index}`) })));
  const prepare = (count: number) =>
    Array.from({ length: count }, (_, index): PreparedCmp => {
      const { key, certificate } = devices[index % keyCount] as (typeof devices)[number];
      const header = newHeader();
      const pkcs10 = signCsr({ subject: buildName([[oids.commonName, `bench-${index}`]]) }, key.signer);
      const message = encodeCmp(header, p10crBody(pkcs10), { kind: 'signature', certificate, privateKey: key.privateKey });
      return { message, transactionId: header.transactionId, spki: key.spki };
    });
  return { ...scene, endpoint, prepare, credential: keyObjectOf(endpoint.raKeys[0]?.certificate.publicKey) };
}

export function keyObjectOf(key: PublicKey | undefined): KeyObject {
  const imported = key?.keyObject();
  if (!imported?.ok) throw new Error('The endpoint has no RA key.');
  return imported.value;
}

export const caller = { clientIp: '192.0.2.1', userAgent: '', contentType: 'application/pkixcmp' } as const;

export function depsOf(core: MemoryCore): CmpDeps {
  return { enrolment: core.enrolment, clock: systemClock, log: createLog('error'), macKeys: createMacKeys(), signers: createSignerMemory() };
}

/** What is wrong with an answer; every 50th is verified down to its protection. */
function problemOf(prepared: PreparedCmp, index: number, bytes: Buffer, credential: Buffer | KeyObject): string | undefined {
  try {
    const answer = readCmpAnswer(bytes);
    if (answer.body !== 'issued') return `${answer.body} ${answer.detail}`;
    if (!answer.transactionId.equals(prepared.transactionId)) return 'another transactionID';
    if (index % 50 !== 0) return undefined;
    if (!certificateOf(answer).publicKey.spki.equals(prepared.spki)) return 'another key';
    return answer.isProtectedBy(credential) ? undefined : 'protection invalid';
  } catch (error) {
    return `unreadable: ${String(error)}`;
  }
}

export async function measureScene(
  path: string,
  scene: Scene,
  floorOf: (primitives: Primitives) => number,
  limits: Limits,
  extent: ThreadExtent,
): Promise<Row> {
  scene.core.pin();
  const problems = new Map<string, number>();
  const deps = depsOf(scene.core);
  const measure = async (count: number): Promise<Sample> => {
    const prepared = await scene.prepare(count);
    const replies: Buffer[] = [];
    const sample = await timed(prepared, async ({ message }) => {
      const reply = await handleCmpMessage(scene.endpoint, message, caller, deps);
      replies.push(reply.status === 200 ? reply.bytes : Buffer.alloc(0));
    });
    for (const [index, bytes] of replies.entries()) {
      const asked = prepared[index] as PreparedCmp;
      const problem = scene.problemOf === undefined ? problemOf(asked, index, bytes, scene.credential) : scene.problemOf(asked, bytes);
      if (problem !== undefined) problems.set(problem, (problems.get(problem) ?? 0) + 1);
    }
    return sample;
  };
  await measure(warmUp);
  const windows = [];
  for (let window = 0; window < extent.windows; window += 1) {
    const floorUs = floorOf(await measurePrimitives(extent.seconds));
    windows.push({ floorUs, sample: await measure(extent.messages) });
  }
  for (const [problem, times] of problems) say(`  ${times} x ${problem}`);
  return threadRow(
    path,
    windows,
    limits,
    [...problems.values()].reduce((sum, times) => sum + times, 0),
  );
}

export type Limits = Parameters<typeof threadRow>[2];

/** The answer to an ir repeats the request's salt where the server does so: the floor has one derivation in any case. */
export async function irRow(ca: CaKey, extent: ThreadExtent): Promise<Row> {
  const scene = await irScene(ca);
  const limits = ca === 'P-256' ? { target: 0.25, goal: 0.4 } : { target: null, goal: null };
  const path = `CMP ir, PBM ${iterations}, one thread, ${ca} CA`;
  return measureScene(path, scene, (primitives) => irFloor(primitives, ca, iterations), limits, extent);
}

/** The answer is signed with a key of the CA's type. */
export async function p10crRow(ca: CaKey, extent: ThreadExtent): Promise<Row> {
  const scene = await p10crScene(ca);
  const limits = ca === 'P-256' ? { target: 0.45, goal: 0.7 } : { target: 0.65, goal: 0.85 };
  return measureScene(`CMP p10cr, signature, one thread, ${ca} CA and RA`, scene, (primitives) => p10crFloor(primitives, ca, ca), limits, extent);
}
