/**
 * Named places at which a test lets a process die, fail or stall. Nothing arms them but the server of the chaos campaign; unarmed they cost
 * one comparison.
 */
export type FailpointAction = 'kill' | 'throw' | 'stall' | 'reject';

interface Armed {
  readonly action: FailpointAction;
  /** How often the place is passed unharmed before. */
  passes: number;
}

let armed: Map<string, Armed> | undefined;

/** Longer than the lease of a call that is given a second and a half. */
const stallMs = 4_000;

/** `reject`: an error that nobody catches. `name:action[:passes]`, several by commas: `claimed:kill:3` dies the fourth time that an order was claimed. In place of those armed before. Throws on anything else. */
export function armFailpoints(spec: string): void {
  armed = new Map(
    spec.split(',').map((part) => {
      const [name = '', action = '', passes = '0'] = part.split(':');
      if (name === '' || !isAction(action) || !/^\d+$/.test(passes)) throw new Error(`"${part}" is no failpoint; it looks like name:kill:3.`);
      return [name, { action, passes: Number(passes) }];
    }),
  );
}

export function disarmFailpoints(): void {
  armed = undefined;
}

function isAction(text: string): text is FailpointAction {
  return text === 'kill' || text === 'throw' || text === 'stall' || text === 'reject';
}

/** Passed by the code at the place of this name. */
export function failpoint(name: string): void {
  if (armed !== undefined) meet(armed, name);
}

function meet(points: Map<string, Armed>, name: string): void {
  const point = points.get(name);
  if (point === undefined) return;
  if (point.passes > 0) {
    point.passes -= 1;
    return;
  }
  points.delete(name);
  if (point.action === 'throw') throw new Error(`failpoint ${name}`);
  // As a promise that somebody forgot to wait for.
  if (point.action === 'reject') return void Promise.reject(new Error(`failpoint ${name}`));
  if (point.action === 'kill') process.kill(process.pid, 'SIGKILL');
  // Also after a kill: the signal takes effect at once, but nothing must run behind it.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs);
}
