/** One setting of a connector or of a challenge mode, as forms ask for it. */
export interface SettingField<N extends string = string> {
  readonly name: N;
  readonly kind: 'text' | 'number' | 'secret' | 'file' | 'pem' | 'select' | 'list';
  readonly isRequired?: true;
  readonly choices?: readonly string[];
  /** Spaces at its ends belong to it. */
  readonly isVerbatim?: true;
  /** Behind "More settings". */
  readonly isFurther?: true;
}

export type SettingTexts = Readonly<Partial<Record<string, string>>>;

const isWriteOnly = ({ kind }: SettingField): boolean => kind === 'secret' || kind === 'file';

/** The settings as texts of a form; secrets come back as nothing. */
export function textsOf(fields: readonly SettingField[], settings: Readonly<Record<string, unknown>>): SettingTexts {
  return Object.fromEntries(
    fields
      .filter((field) => !isWriteOnly(field) && settings[field.name] !== undefined && settings[field.name] !== null)
      .map(({ name }) => [name, textOf(settings[name])]),
  );
}

/** Several values are typed with commas between them. */
const textOf = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : String(value));

function settingOf({ kind, isVerbatim }: SettingField, typed: string): unknown {
  const text = typed.trim();
  if (kind === 'secret' || isVerbatim === true) return typed;
  if (kind === 'number' && /^\d+$/.test(text)) return Number(text);
  if (kind !== 'list') return text;
  const parts = text.split(/[,;\s]+/).filter((part) => part !== '');
  return parts.length === 0 ? '' : parts;
}

/**
 * What the form says, as settings: where nothing was saved what is filled in, else what has changed (null clears). A secret that was left
 * empty is left out, and so kept.
 */
export function settingsOf<N extends string>(
  fields: readonly SettingField<N>[],
  texts: Readonly<Partial<Record<N, string>>>,
  saved: SettingTexts | undefined,
): Record<string, unknown> {
  const entries = fields.flatMap((field): [string, unknown][] => {
    const { name } = field;
    const typed = texts[name] ?? '';
    if (saved !== undefined && !isWriteOnly(field) && typed === (saved[name] ?? '')) return [];
    const value = settingOf(field, typed);
    if (saved === undefined || isWriteOnly(field)) return value === '' ? [] : [[name, value]];
    if (textOf(value) === (saved[name] ?? '')) return [];
    return [[name, value === '' ? null : value]];
  });
  return Object.fromEntries(entries);
}
