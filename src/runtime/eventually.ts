/** Nearly always there at once; a promise only for what takes long. Spares what is done for every request the turns that `await` takes. */
export type Eventually<T> = T | Promise<T>;

/** `use` at once where the value is there, else when it has come. */
export function whenThere<T, U>(value: Eventually<T>, use: (value: T) => U): Eventually<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}
