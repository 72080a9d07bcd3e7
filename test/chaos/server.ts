/** The server as the campaign runs it: the product, with a planted bug or a hostile CA where the campaign asks for one. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseConfig } from '../../src/config.js';
import { armFailpoints, disarmFailpoints } from '../../src/runtime/failpoint.js';
import { serve } from '../../src/serve.js';
import { plantedBugs, replacementsFor } from './planted.js';

if (process.env.CHAOS_FAILPOINT !== undefined) armFailpoints(process.env.CHAOS_FAILPOINT);
const armFile = process.env.CHAOS_ARM_FILE;
if (armFile !== undefined) {
  const arm = () => {
    const spec = readFileSync(armFile, 'utf8');
    if (spec === '') disarmFailpoints();
    else armFailpoints(spec);
  };
  arm();
  process.on('SIGWINCH', arm);
}
/** For those who look at its memory: what lives is what a collection leaves. */
const collectMs = Number(process.env.CHAOS_COLLECT_MS ?? 0);
if (collectMs > 0) {
  setFlagsFromString('--expose-gc');
  setInterval(runInNewContext('gc') as () => void, collectMs).unref();
}
const shiftMs = Number(process.env.CHAOS_CLOCK_SHIFT_MS ?? 0);
if (shiftMs !== 0) shiftClock(shiftMs);
const config = parseConfig(process.env);
if (!config.ok) throw new Error(JSON.stringify(config.error));
const bug = plantedBugs.find((name) => name === process.env.CHAOS_PLANTED);

/** A machine whose clock is wrong: whatever asks for the time of day is told another. */
function shiftClock(ms: number): void {
  const RealDate = Date;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: unknown[]) => Reflect.construct(target, args.length === 0 ? [RealDate.now() + ms] : args),
    get: (target, name) => (name === 'now' ? () => RealDate.now() + ms : Reflect.get(target, name)),
  });
}

void serve(config.value, replacementsFor(bug, process.env.CHAOS_CA_URL));
