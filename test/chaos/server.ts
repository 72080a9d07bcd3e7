/** The server as the campaign runs it: the product, with a planted bug or a hostile CA where the campaign asks for one. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseConfig } from '../../src/config.js';
import { serve } from '../../src/serve.js';
import { followArming } from './arming.js';
import { plantedBugs, replacementsFor } from './planted.js';

async function main(): Promise<void> {
  await toldToServe();
  followArming(process.env.CHAOS_ARM_FILE, process.env.CHAOS_FAILPOINT);
  collectEvery(Number(process.env.CHAOS_COLLECT_MS ?? 0));
  const shiftMs = Number(process.env.CHAOS_CLOCK_SHIFT_MS ?? 0);
  if (shiftMs !== 0) shiftClock(shiftMs);
  const config = parseConfig(process.env);
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  const bug = plantedBugs.find((name) => name === process.env.CHAOS_PLANTED);
  await serve(config.value, replacementsFor(bug, process.env.CHAOS_CA_URL));
}

/** A spare has loaded its code and waits for one line, with what else is in its environment. Whoever made it may be gone before. */
async function toldToServe(): Promise<void> {
  if (process.env.CHAOS_SPARE === undefined) return;
  const line = await new Promise<string>((resolve) => {
    process.stdin.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8')));
    process.stdin.once('end', () => process.exit(0));
  });
  process.stdin.removeAllListeners('end').destroy();
  Object.assign(process.env, JSON.parse(line));
}

/** For those who look at its memory: what lives is what a collection leaves. */
function collectEvery(ms: number): void {
  if (ms <= 0) return;
  setFlagsFromString('--expose-gc');
  setInterval(runInNewContext('gc') as () => void, ms).unref();
}

/** A machine whose clock is wrong: whatever asks for the time of day is told another. */
function shiftClock(ms: number): void {
  const RealDate = Date;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: unknown[]) => Reflect.construct(target, args.length === 0 ? [RealDate.now() + ms] : args),
    get: (target, name) => (name === 'now' ? () => RealDate.now() + ms : Reflect.get(target, name)),
  });
}

void main();
