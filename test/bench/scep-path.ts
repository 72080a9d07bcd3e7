/** SCEP PKCSReq from bytes to bytes on one thread. */
import { handlePkiOperation } from '../../src/endpoints/scep/translate.js';
import type { DeviceKey } from '../chaos/device/keys.js';
import { challenge, scepEndpoint } from './endpoint.js';
import { type CaKey, measurePrimitives, scepFloor } from './floor.js';
import { createMemoryCore } from './memory-core.js';
import { type Row, say } from './report.js';
import { median, type Sample, timed } from './sampling.js';
import { prepareScep, ScepAnswers } from './scep-load.js';

export interface ThreadExtent {
  readonly windows: number;
  /** Per primitive of the floor. */
  readonly seconds: number;
  readonly messages: number;
}

/** Transactions until the compiler of the runtime has settled; with busy neighbours it takes that many. */
export const warmUp = 3_000;

const caller = { clientIp: '192.0.2.1', userAgent: '', contentType: 'application/x-pki-message', method: 'POST' } as const;

/** Windows alternate: floor, ours, floor, ours ... Each message is a new transaction with a new PKCS#10. */
export async function scepRow(ca: CaKey, keys: readonly DeviceKey[], extent: ThreadExtent): Promise<Row> {
  const core = await createMemoryCore(ca, { reference: '', secret: Buffer.alloc(16) });
  core.pin();
  const endpoint = scepEndpoint(core);
  const ra = endpoint.raKeys[0]?.certificate;
  const issuing = endpoint.caChain[0];
  const raKey = ra?.publicKey.keyObject();
  if (ra === undefined || issuing === undefined || !raKey?.ok) throw new Error('The endpoint has no RA key.');
  const server = { ra, raKey: raKey.value, ca: issuing, challenge };
  const answers = new ScepAnswers(server);

  const measure = async (count: number): Promise<Sample> => {
    const { transactions, messages } = prepareScep(count, keys, server);
    const replies: Buffer[] = [];
    const sample = await timed(messages, async (message) => {
      const reply = await handlePkiOperation(endpoint, message, caller, core);
      replies.push(reply.kind === 'certRep' ? reply.message : Buffer.alloc(0));
    });
    for (const [index, body] of replies.entries()) answers.check(transactions[index] as (typeof transactions)[number], index, { status: 200, body });
    return sample;
  };

  await measure(warmUp);
  const windows = [];
  for (let window = 0; window < extent.windows; window += 1) {
    const floorUs = scepFloor(await measurePrimitives(extent.seconds), ca);
    windows.push({ floorUs, sample: await measure(extent.messages) });
  }
  for (const [problem, times] of answers.problems) say(`  ${times} x ${problem}`);
  return threadRow(`SCEP PKCSReq, one thread, RSA-2048 RA, ${ca} CA`, windows, { target: 0.7, goal: 0.85 }, answers.faults);
}

export interface ThreadWindow {
  readonly floorUs: number;
  readonly sample: Sample;
}

/**
 * Both sides in the processor time of their one thread, as `openssl speed` counts by itself: on a shared machine the wall clock of one
 * window says more about the neighbours. The wall clock, and the time with the threads of compiler and collector, stand in the windows.
 */
export function threadRow(
  path: string,
  windows: readonly ThreadWindow[],
  limits: { readonly target: number | null; readonly goal: number | null },
  faults: number,
): Row {
  const figures = windows.map(({ floorUs, sample }) => ({
    floor: Math.round(1e6 / floorUs),
    ours: Math.round(1e6 / sample.threadUs),
    oursOfAllThreads: Math.round(1e6 / sample.allThreadsUs),
    oursByWallClock: Math.round(1e6 / sample.wallUs),
    ratio: Number((floorUs / sample.threadUs).toFixed(3)),
    ratioOfQuietBatches: Number((floorUs / sample.quietUs).toFixed(3)),
    transactions: sample.transactions,
  }));
  for (const figure of figures) say(`  ${path}: ${JSON.stringify(figure)}`);
  return {
    path,
    floor: median(windows.map((item) => 1e6 / item.floorUs)),
    ours: median(windows.map((item) => 1e6 / item.sample.threadUs)),
    unit: 'tx/s',
    ratio: median(windows.map((item) => item.floorUs / item.sample.threadUs)),
    quietRatio: Math.min(...windows.map((item) => item.floorUs)) / Math.min(...windows.map((item) => item.sample.quietUs)),
    ...limits,
    direction: 'least',
    faults,
    windows: figures,
  };
}
