import type { Secret } from '../../runtime/secret.js';

const mask = '[secret]';
const longest = 500;
/** Shorter values would be found in ordinary words. */
const shortest = 4;

/** Text from outside, made fit for a record: one line, bounded, secrets masked. */
export type Masker = (text: string) => string;

/** What looks like a secret wherever it stands: bearer tokens, JSON and form members with telling names, private keys, JWTs, tokens of vaults. */
const telling: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, mask],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${mask}`],
  [/\b([\w-]*(?:password|passwd|secret|secret_id|token|api_?key|authorization|challenge)\s*=\s*)("[^"]*"|'[^']*'|[^\s,;&}]+)/gi, `$1${mask}`],
  [/(["'][\w-]*(?:password|passwd|secret|secret_id|token|api_?key|authorization|challenge)["']\s*:\s*)("[^"]*"|'[^']*'|[^\s,;&}]+)/gi, `$1${mask}`],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}(\.[\w-]*)?/g, mask],
  [/\b(hvs|hvb|hvr)\.[\w-]{8,}/g, mask],
];

/** Masks the given secrets in every form in which they travel, and what looks like a secret of somebody else. */
export function createMasker(secrets: Iterable<Secret>): Masker {
  const values = [...secrets].map((secret) => secret.reveal()).filter((value) => value.length >= shortest);
  const forms = [...new Set(values.flatMap(formsOf))].sort((left, right) => right.length - left.length);
  return (text) => {
    const known = forms.reduce((masked, form) => masked.replaceAll(form, mask), text);
    const masked = telling.reduce((shown, [pattern, replacement]) => shown.replace(pattern, replacement), known);
    return masked
      .replace(/\p{Cc}+/gu, ' ')
      .trim()
      .slice(0, longest);
  };
}

/** As it is, in URLs and forms, in JSON, in base64 and in hexadecimal. */
function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value, 'utf8');
  const base64 = bytes.toString('base64');
  const inForm = new URLSearchParams({ '': value }).toString().slice(1);
  const inJson = JSON.stringify(value).slice(1, -1);
  return [value, encodeURIComponent(value), inForm, inJson, base64, base64.replace(/=+$/, ''), bytes.toString('base64url'), bytes.toString('hex')];
}
