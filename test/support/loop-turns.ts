import { existsSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/** Part of the names of the rows that are measured; all by default. */
const wanted = process.argv[2] ?? '';
const count = 40;
const atOnce = 8;

/** What serves a message. */
export type Handle = (bytes: Buffer) => Promise<unknown>;

/**
 * Writes how long one kind of message holds the event loop. It is sent so many times, eight at once, while the delay of the loop is watched. On
 * Linux each message is then sent alone, and the processor time of this thread between two turns of the loop is told: what others do to a
 * busy machine is not in it. Its clock goes in steps of up to four milliseconds. `make` gives a message that was not sent before.
 */
export async function measure(name: string, handle: Handle, make: () => Promise<Buffer>): Promise<void> {
  if (!name.includes(wanted)) return;
  const messages = await Promise.all(Array.from({ length: count }, make));
  await handle(messages[0] as Buffer);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  await sleep(200);
  loop.enable();
  const begun = performance.now();
  for (let at = 0; at < count; at += atOnce) {
    const answers: Promise<unknown>[] = [];
    for (const bytes of messages.slice(at, at + atOnce)) {
      // Each comes on a socket of its own.
      await setImmediate();
      answers.push(handle(bytes));
    }
    await Promise.all(answers);
  }
  loop.disable();
  const ms = (value: number) => (value / 1e6).toFixed(1).padStart(7);
  const each = ((performance.now() - begun) / count).toFixed(1);
  const alone = existsSync(scheduling)
    ? `; longest turn ${(await longestTurn(handle, await Promise.all(Array.from({ length: 10 }, make)))).toFixed(1)} ms`
    : '';
  process.stdout.write(`${name.padEnd(58)} p99 ${ms(loop.percentile(99))} max ${ms(loop.max)} ms; ${each} ms a message${alone}\n`);
}

const scheduling = '/proc/self/sched';

/** Milliseconds of processor time that the main thread has used. */
function ownTime(): number {
  return Number(/sum_exec_runtime\s*:\s*([\d.]+)/.exec(readFileSync(scheduling, 'latin1'))?.[1] ?? 0);
}

async function longestTurn(handle: Handle, messages: readonly Buffer[]): Promise<number> {
  let longest = 0;
  for (const bytes of messages) {
    const state = { isOver: false };
    // Much of a message is computed before anything is awaited.
    let before = ownTime();
    const answer = handle(bytes).finally(() => {
      state.isOver = true;
    });
    while (!state.isOver) {
      await setImmediate();
      const now = ownTime();
      longest = Math.max(longest, now - before);
      before = now;
    }
    await answer;
  }
  return longest;
}
