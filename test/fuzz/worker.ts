import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, fuzz, type Progress, type Slice } from './loop.js';
import { chooseTargets } from './targets.js';

/** What a worker is told, as JSON in its first argument. */
export interface Order {
  readonly slice: Slice;
  readonly planted: boolean;
  readonly deep: boolean;
  readonly only?: string;
  /** Where inputs that find something are kept. */
  readonly folder: string;
}

export type Message =
  | { readonly kind: 'progress' | 'done'; readonly progress: Progress }
  | {
      readonly kind: 'finding';
      readonly what: Finding['kind'];
      readonly target: string;
      readonly index: number;
      readonly reason: string;
      readonly file: string;
    };

function send(message: Message): void {
  process.send?.(message);
}

/** A stack is made for every refused message; a few frames of it are enough. */
Error.stackTraceLimit = 5;

async function main(): Promise<void> {
  const order = JSON.parse(process.argv[2] ?? '{}') as Order;
  const { slice, planted, deep, only, folder } = order;
  const targets = await chooseTargets({ planted, deep, ...(only === undefined ? {} : { only }) });
  const progress = await fuzz(targets, slice, {
    found: ({ kind, target, index, reason, trial }) => {
      const place = trial.place === undefined ? '' : `-at${trial.place}`;
      const file = join(folder, `${target}-${slice.seed}-${index}${place}${trial.isVouched ? '-vouched' : ''}.bin`);
      writeFileSync(file, trial.bytes);
      send({ kind: 'finding', what: kind, target, index, reason, file });
    },
    progress: (state) => send({ kind: 'progress', progress: state }),
  });
  send({ kind: 'done', progress });
}

// A rejection nobody waits for is a finding like any other; the process ends and the parent says so.
process.on('unhandledRejection', (error) => {
  process.stderr.write(`unhandled rejection: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(70);
});

await main();
process.disconnect?.();
