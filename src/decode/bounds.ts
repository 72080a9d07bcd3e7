import type { Capture, Field } from './field.js';

/** What comes in by file, standard input or the API, in whatever text form. */
export const maxInputBytes = 1024 * 1024;

const maxFields = 1_500;
const maxDepth = 16;
const maxText = 600;

function cutText(text: string): string {
  return text.length <= maxText ? text : `${text.slice(0, maxText).replace(/[\ud800-\udbff]$/, '')}... (${text.length} characters)`;
}

/** However large the message and however deep: at most 1,500 fields, 16 levels, 600 characters a value. */
export function bounded({ kind, fields }: Capture): Capture {
  let left = maxFields;
  const cut = (items: readonly Field[], depth: number): Field[] => {
    const kept: Field[] = [];
    for (const item of items) {
      if (left <= 0 || depth > maxDepth) {
        kept.push({ name: '...', value: `${items.length - kept.length} more, not shown` });
        break;
      }
      left -= 1;
      const { fields: inner, note, ...rest } = item;
      const texts = { ...rest, name: cutText(item.name), value: cutText(item.value), ...(note !== undefined && { note: cutText(note) }) };
      kept.push(inner === undefined ? texts : { ...texts, fields: cut(inner, depth + 1) });
    }
    return kept;
  };
  return { kind, fields: cut(fields, 1) };
}
