/** How long a fresh installation takes to be ready on the embedded database, and how long a restart. */
import { temporaryDirectory } from './children.js';
import { startGatehouse } from './gatehouse.js';
import { memoryOf } from './machine.js';
import { type Row, say } from './report.js';
import { median } from './sampling.js';

export async function startRows(windows: number): Promise<readonly Row[]> {
  const firsts: number[] = [];
  const restarts: number[] = [];
  const memory: number[] = [];
  for (let window = 0; window < windows; window += 1) {
    const directory = temporaryDirectory();
    const options = { dataDir: directory.path, processes: 1, engineKey: 'P-256' } as const;
    const first = await startGatehouse(options);
    firsts.push(first.startMs);
    await first.child.end('SIGTERM');
    const again = await startGatehouse(options);
    restarts.push(again.startMs);
    memory.push(Math.max(...memoryOf(again.child.pid)));
    await again.child.end('SIGTERM');
    directory.remove();
  }
  say(`  start: first ${firsts.map(Math.round).join(', ')} ms; again ${restarts.map(Math.round).join(', ')} ms`);
  const row = (path: string, values: readonly number[], unit: string, target: number | null): Row => ({
    path,
    floor: null,
    ours: median(values),
    unit,
    ratio: null,
    target,
    goal: null,
    direction: 'most',
    faults: 0,
    windows: values.map((value) => ({ value: Math.round(value) })),
  });
  return [
    row('first start, embedded database', firsts, 'ms', 10_000),
    row('restart, embedded database', restarts, 'ms', null),
    row('memory with the embedded database, idle', memory, 'MB', null),
  ];
}
