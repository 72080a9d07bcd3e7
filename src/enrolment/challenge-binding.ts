import { commonNameOf, type GeneralName, type Name, nameFromText } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { ChallengeBinding } from '../tenancy/challenge.js';
import { type Refusal, refusal } from './refusal.js';

type NameBinding = Pick<ChallengeBinding, 'subject' | 'sans'> & Partial<ChallengeBinding>;

export interface BoundNames {
  readonly subject: Name;
  readonly sans: readonly GeneralName[];
}

/**
 * Holds the names asked for against what their challenge was minted for, so that a challenge leaves its holder no other identity
 * (CERT VU#971035). Fails with `subject-binding`.
 */
export function checkBinding({ subject, sans }: BoundNames, binding: NameBinding): Result<true, Refusal> {
  if (binding.subject !== null && !matchesSubject(subject, binding.subject)) return fail(refusal('subject-binding', 'subject'));
  const other = sans.find((san) => !isBoundSan(san, subject, binding));
  return other === undefined ? ok(true) : fail(refusal('subject-binding', `${other.type}:${other.text}`));
}

function isBoundSan(san: GeneralName, subject: Name, binding: NameBinding): boolean {
  const text = san.text.toLowerCase();
  if (binding.sans !== null) return binding.sans.some((bound) => bound.toLowerCase() === `${san.type}:${text}`);
  return binding.subject === null || commonNameOf(subject)?.toLowerCase() === text;
}

/** The same attributes in the same places; values without regard to case, `*` for any text. */
function matchesSubject(subject: Name, pattern: string): boolean {
  const wanted = nameFromText(pattern);
  if (!wanted.ok || wanted.value.rdns.length !== subject.rdns.length) return false;
  return wanted.value.rdns.every((rdn, index) => {
    const given = subject.rdns[index] ?? [];
    return given.length === rdn.length && rdn.every((bound) => given.some(({ type, text }) => type === bound.type && matchesText(text, bound.text)));
  });
}

/** In linear time: what people write as a pattern never becomes a regular expression. */
function matchesText(text: string, pattern: string): boolean {
  const value = folded(text);
  const [first = '', ...rest] = folded(pattern).split('*');
  const last = rest.pop();
  if (last === undefined) return value === first;
  if (!value.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = value.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return value.length - last.length >= at && value.endsWith(last);
}

function folded(text: string): string {
  return text.trim().replace(/\s+/g, ' ').toLowerCase();
}
