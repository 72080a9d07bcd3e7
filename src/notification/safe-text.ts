/**
 * Text that a device or a server chose, made fit to stand in a mail: one line, nothing invisible, nothing that turns the direction of
 * what stands beside it (U+202A..202E, U+2066..2069 and their kin are all of category Cf), and no link that a mail program would make.
 */
export function shownText(text: string): string {
  return text.replace(unseen, '\ufffd').replace(/:\/\//g, '[:]//').trim();
}

/** Control and format characters, line and paragraph separators, lone surrogates, private use and what is not assigned. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] as string);
}

/** One line for a header: RFC 5322 section 2.2 lets no CR or LF in, and nobody reads more than this. */
export function headerText(text: string): string {
  const line = shownText(text);
  return line.length > 200 ? `${line.slice(0, 197)}...` : line;
}
