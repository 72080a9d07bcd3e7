import type { DigestTime } from './rule.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;
/** 1970-01-01 was a Thursday. */
const epochWeekday = 4;

/** The last time at or before `now` at which a digest was due. */
export function lastDigestTime({ weekday, hour }: DigestTime, now: Date): Date {
  const offset = ((weekday - epochWeekday + 7) % 7) * dayMs + hour * hourMs;
  return new Date(Math.floor((now.getTime() - offset) / weekMs) * weekMs + offset);
}
