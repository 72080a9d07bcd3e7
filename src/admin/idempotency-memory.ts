import type { Clock } from '../runtime/clock.js';
import type { IdempotencyKey, IdempotencyStore, KeptAnswer } from './ports.js';

interface Entry {
  readonly fingerprint: string;
  readonly expiresAt: Date;
  readonly answer: KeptAnswer | null;
}

/** Keeps at most `capacity` answers, oldest out first. In the memory of one process: a repetition that reaches another one is a new request. */
export function memoryIdempotencyStore(clock: Clock, capacity = 10_000): IdempotencyStore {
  const entries = new Map<string, Entry>();

  const makeRoom = (): void => {
    const oldest = entries.keys().next();
    if (entries.size >= capacity && oldest.done !== true) entries.delete(oldest.value);
  };
  const alive = (name: string): Entry | undefined => {
    const entry = entries.get(name);
    return entry !== undefined && entry.expiresAt > clock.now() ? entry : undefined;
  };
  const hold = (name: string, entry: Entry) => ({
    async keep(answer: KeptAnswer) {
      if (entries.get(name) === entry) entries.set(name, { ...entry, answer });
    },
    async release() {
      if (entries.get(name) === entry) entries.delete(name);
    },
  });

  return {
    async claim(key, fingerprint, expiresAt) {
      const name = nameOf(key);
      const standing = alive(name);
      if (standing === undefined) {
        const entry = { fingerprint, expiresAt, answer: null };
        entries.delete(name);
        makeRoom();
        entries.set(name, entry);
        return { kind: 'mine', held: hold(name, entry) };
      }
      if (standing.fingerprint !== fingerprint) return { kind: 'other-request' };
      return standing.answer === null ? { kind: 'busy' } : { kind: 'kept', answer: standing.answer };
    },
  };
}

function nameOf({ tenantId, actor, key }: IdempotencyKey): string {
  return JSON.stringify([tenantId, actor, key]);
}
