/** A time as mails show it: `2026-03-04 05:06:07 UTC`. */
export function timeText(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

const steps = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** `3 hours`, in the largest unit that fits. */
export function durationText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  const [unit, size] = steps.find(([, size]) => seconds >= size) ?? ['second', 1];
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
