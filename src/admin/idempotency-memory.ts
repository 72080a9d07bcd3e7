import type { Clock } from '../runtime/clock.js';
import type { IdempotencyStore, KeptAnswer } from './ports.js';

interface Entry {
  readonly fingerprint: string;
  readonly expiresAt: Date;
  readonly answer: KeptAnswer | null;
}

/** Keeps at most `capacity` answers, oldest out first. In the memory of one process: enough for one admin process; with several, a
 *  repetition that reaches another one is a new request. */
export function memoryIdempotencyStore(clock: Clock, capacity = 10_000): IdempotencyStore {
  const entries = new Map<string, Entry>();

  const makeRoom = (): void => {
    const oldest = entries.keys().next();
    if (entries.size >= capacity && oldest.done !== true) entries.delete(oldest.value);
  };
  const alive = (key: string): Entry | undefined => {
    const entry = entries.get(key);
    return entry !== undefined && entry.expiresAt > clock.now() ? entry : undefined;
  };

  return {
    async claim(key, fingerprint, expiresAt) {
      const entry = alive(key);
      if (entry === undefined) {
        entries.delete(key);
        makeRoom();
        entries.set(key, { fingerprint, expiresAt, answer: null });
        return { kind: 'mine' };
      }
      if (entry.fingerprint !== fingerprint) return { kind: 'other-request' };
      return entry.answer === null ? { kind: 'busy' } : { kind: 'kept', answer: entry.answer };
    },
    async keep(key, answer) {
      const entry = entries.get(key);
      if (entry !== undefined) entries.set(key, { ...entry, answer });
    },
    async release(key) {
      entries.delete(key);
    },
  };
}
