import type { Capture, CaptureKind, Field, Verdict } from './field.js';

const titles: Readonly<Record<CaptureKind, string>> = {
  scep: 'SCEP pkiMessage (RFC 8894)',
  cmp: 'CMP PKIMessage (RFC 9810)',
  pkcs10: 'PKCS#10 CertificationRequest (RFC 2986)',
  certificate: 'Certificate (RFC 5280)',
  crl: 'CertificateList (RFC 5280)',
  certificates: 'SignedData without a signer (RFC 5652): certificates only',
  envelope: 'EnvelopedData (RFC 5652)',
  unknown: 'Not recognised',
};

const marks: Readonly<Record<Verdict, string>> = { ok: '[ok]', failed: '[FAILED]', unknown: '[unknown]' };
const colours: Readonly<Record<Verdict, number>> = { ok: 32, failed: 31, unknown: 33 };

/** An indented tree, a field a line. `isColoured`: for terminals. */
export function renderText({ kind, fields }: Capture, isColoured: boolean): string {
  return `${[titles[kind], ...linesOf(fields, 1, isColoured)].join('\n')}\n`;
}

/** Fields that stand for themselves, likewise. */
export function renderFields(fields: readonly Field[], isColoured: boolean): string {
  return linesOf(fields, 0, isColoured).join('\n');
}

function linesOf(fields: readonly Field[], indent: number, isColoured: boolean): string[] {
  const paint = (code: number, text: string): string => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines = (items: readonly Field[], depth: number): string[] =>
    items.flatMap(({ name, value, note, verdict, fields: inner = [] }) => {
      const parts = [
        `${'  '.repeat(depth)}${paint(1, `${printable(name)}:`)} ${printable(value)}`,
        ...(verdict === undefined ? [] : [paint(colours[verdict], marks[verdict])]),
        ...(note === undefined ? [] : [paint(2, `- ${printable(note)}`)]),
      ];
      return [parts.join(' '), ...lines(inner, depth + 1)];
    });
  return lines(fields, indent);
}

/** Control, format and line-breaking characters must not reach a terminal raw; they are escaped as in JavaScript. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
