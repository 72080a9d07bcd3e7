/** How a check went. `unknown`: it needs something that is not there, a key or a certificate. */
export type Verdict = 'ok' | 'failed' | 'unknown';

/** One field of a message, named as its RFC names it. */
export interface Field {
  readonly name: string;
  /** What people read; secrets never stand here, only that they are there and how long they are. */
  readonly value: string;
  readonly note?: string;
  /** Only where something was checked. */
  readonly verdict?: Verdict;
  readonly fields?: readonly Field[];
}

/** What bytes turned out to be. `certificates`: SignedData without a signer; `envelope`: EnvelopedData by itself. */
export const captureKinds = ['scep', 'cmp', 'pkcs10', 'certificate', 'crl', 'certificates', 'envelope', 'unknown'] as const;
export type CaptureKind = (typeof captureKinds)[number];

export interface Capture {
  readonly kind: CaptureKind;
  readonly fields: readonly Field[];
}

type Extra = Partial<Pick<Field, 'note' | 'verdict' | 'fields'>>;

export function field(name: string, value: string | number, extra: Extra = {}): Field {
  return { name, value: String(value), ...extra };
}

/** A group of fields with a few words of summary. */
export function group(name: string, value: string | number, fields: readonly Field[], extra: Extra = {}): Field {
  return field(name, value, { ...extra, fields });
}

/** A field for each item there is, numbered from 0 as ASN.1 people do, and how many were left out. */
export function listed<T>(items: readonly T[], max: number, show: (item: T, index: number) => Field): Field[] {
  const shown = items.slice(0, max).map(show);
  const more = items.length - shown.length;
  return more === 0 ? shown : [...shown, field('...', `${more} more, not shown`)];
}

/** None where there is no value. */
export function optional<T>(value: T | undefined, show: (value: T) => Field): Field[] {
  return value === undefined ? [] : [show(value)];
}
