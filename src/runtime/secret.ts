import { inspect } from 'node:util';

const redacted = '[redacted]';

/** A value that must not be printed: `String(secret)`, JSON and `inspect` all show `[redacted]`; only `reveal()` gives it away. */
export class Secret<T extends string | Buffer = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
