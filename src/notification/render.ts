import type { MailContent } from './content.js';
import { escapeHtml, shownText } from './safe-text.js';

/** The mail for those who read plain text; a value stands alone on its line, so that right-to-left names turn nothing else around. */
export function renderText({ headline, advice, columns, rows, more, tallyTitle, tallies, footer }: MailContent): string {
  const width = Math.max(0, ...columns.map((name) => name.length)) + 1;
  const items = rows.map((cells) => cells.map((cell, index) => `  ${`${columns[index] ?? ''}:`.padEnd(width)} ${shownText(cell)}`).join('\n'));
  const counted = tallies.map(([name, count]) => `  ${count} x ${shownText(name)}`);
  return [
    headline,
    advice,
    ...items,
    ...(more > 0 ? [`and ${more} more.`] : []),
    ...(counted.length > 0 ? [`${tallyTitle}:\n${counted.join('\n')}`] : []),
    ['-- ', ...footer.map(footerText)].join('\n'),
  ].join('\n\n');
}

/** The same as HTML: no scripts, no styles from elsewhere, no images, and every value in its own direction (bdi). */
export function renderHtml({ headline, advice, columns, rows, more, tallyTitle, tallies, footer }: MailContent): string {
  const head = columns.map((name) => `<th align="left" style="${cellStyle}">${escapeHtml(name)}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td style="${cellStyle}">${value(cell)}</td>`).join('')}</tr>`).join('\n');
  const counted = tallies.map(([name, count]) => `<li>${count} &times; ${value(name)}</li>`).join('\n');
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<title>${escapeHtml(headline)}</title></head>`,
    '<body style="font-family:sans-serif;font-size:14px;color:#1a1a1a">',
    `<h1 style="font-size:18px">${escapeHtml(headline)}</h1>`,
    `<p>${escapeHtml(advice)}</p>`,
    ...(rows.length > 0 ? [`<table style="border-collapse:collapse"><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table>`] : []),
    ...(more > 0 ? [`<p>and ${more} more.</p>`] : []),
    ...(tallies.length > 0 ? [`<p>${escapeHtml(tallyTitle)}:</p><ul>\n${counted}\n</ul>`] : []),
    `<p style="color:#666">${footer.map((line) => escapeHtml(footerText(line))).join('<br>')}</p>`,
    '</body></html>',
  ].join('\n');
}

const cellStyle = 'border:1px solid #ccc;padding:4px 8px;vertical-align:top';

function value(text: string): string {
  return `<bdi>${escapeHtml(shownText(text))}</bdi>`;
}

/** The address of the console is ours and stays a link; the names in the other lines are made safe like any. */
function footerText(line: string): string {
  return line.startsWith('Gatehouse: ') ? line : shownText(line);
}
