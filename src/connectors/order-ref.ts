const timedUuid = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** When the last UUIDv7 in a ref was made (RFC 9562 section 5.7): the moment of the order. Undefined when it has none. */
export function timeOfRef(ref: string): Date | undefined {
  const last = ref.match(timedUuid)?.at(-1);
  return last === undefined ? undefined : new Date(Number.parseInt(last.replaceAll('-', '').slice(0, 12), 16));
}
