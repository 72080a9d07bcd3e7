/** One measured number, and the limit it must keep where there is one. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The value must not be above it. */
  readonly most: number | undefined;
  /** Answers that were wrong. */
  readonly faults: number;
}

export function figure(
  what: string,
  value: number,
  unit: string,
  { most, faults = 0 }: { readonly most?: number | undefined; readonly faults?: number } = {},
): Figure {
  return { what, value, unit, most, faults };
}

export function isKept({ value, most, faults }: Figure): boolean {
  return faults === 0 && (most === undefined || value <= most);
}

export function lineOf(item: Figure): string {
  const { what, value, unit, most, faults } = item;
  const limit = most === undefined ? '' : `, at most ${most}`;
  const wrong = faults === 0 ? '' : `, ${faults} WRONG ANSWERS`;
  return `${isKept(item) ? 'ok    ' : 'FAILED'} ${what}: ${Number(value.toPrecision(4))} ${unit}${limit}${wrong}`;
}
