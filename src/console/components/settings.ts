/** One setting of a connector or of a challenge mode, as forms ask for it. */
export interface SettingField<N extends string = string> {
  readonly name: N;
  readonly kind: 'text' | 'number' | 'secret' | 'file' | 'pem' | 'select';
  readonly isRequired?: true;
  readonly choices?: readonly string[];
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
      .map(({ name }) => [name, String(settings[name])]),
  );
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
    const { name, kind } = field;
    const text = (texts[name] ?? '').trim();
    const value = kind === 'number' && /^\d+$/.test(text) ? Number(text) : kind === 'secret' ? (texts[name] ?? '') : text;
    if (saved === undefined || isWriteOnly(field)) return value === '' ? [] : [[name, value]];
    if (text === (saved[name] ?? '')) return [];
    return [[name, value === '' ? null : value]];
  });
  return Object.fromEntries(entries);
}
