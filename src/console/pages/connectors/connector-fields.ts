import type { Connector } from '../../api/types.js';
import type { words } from '../../strings/index.js';

export type ConnectorType = Connector['type'];
export type FieldName = keyof typeof words.connectors.fields;

export interface ConnectorField {
  readonly name: FieldName;
  readonly kind: 'text' | 'number' | 'secret' | 'file' | 'pem' | 'select';
  readonly isRequired?: true;
  readonly choices?: readonly string[];
  /** Behind "More settings". */
  readonly isFurther?: true;
}

const timing: readonly ConnectorField[] = [
  { name: 'timeoutMs', kind: 'number', isFurther: true },
  { name: 'maxProcessingMs', kind: 'number', isFurther: true },
  { name: 'concurrency', kind: 'number', isFurther: true },
];
const trustedCa: ConnectorField = { name: 'trustedCa', kind: 'pem', isFurther: true };

/** What each type of connector is asked for, in the order of its form. Settings that are not here stay as the API has them. */
export const connectorFields = {
  smtp: [
    { name: 'server', kind: 'text', isRequired: true },
    { name: 'port', kind: 'number' },
    { name: 'username', kind: 'text' },
    { name: 'password', kind: 'secret' },
    { name: 'from', kind: 'text' },
    { name: 'tls', kind: 'select', choices: ['implicit', 'starttls', 'starttls-if-offered', 'none'] },
    { name: 'replyTo', kind: 'text', isFurther: true },
    trustedCa,
    ...timing,
  ],
  ejbca: [
    { name: 'connectorUrl', kind: 'text', isRequired: true },
    { name: 'caName', kind: 'text', isRequired: true },
    { name: 'caUrl', kind: 'text' },
    { name: 'pfx', kind: 'file' },
    { name: 'pfxPassword', kind: 'secret' },
    { name: 'endEntityProfile', kind: 'text', isRequired: true },
    { name: 'certificateProfile', kind: 'text', isRequired: true },
    { name: 'serverName', kind: 'text', isFurther: true },
    trustedCa,
    ...timing,
  ],
  'crypto-engine': [
    { name: 'url', kind: 'text', isRequired: true },
    { name: 'clientId', kind: 'text' },
    { name: 'clientSecret', kind: 'secret' },
    { name: 'caId', kind: 'text', isFurther: true },
    { name: 'profileId', kind: 'text', isFurther: true },
    { name: 'dialect', kind: 'select', choices: ['crypto-engine-v1', 'vault'], isFurther: true },
    trustedCa,
    ...timing,
  ],
} as const satisfies Record<ConnectorType, readonly ConnectorField[]>;

export type ConfigTexts = Readonly<Partial<Record<FieldName, string>>>;

const isWriteOnly = ({ kind }: ConnectorField): boolean => kind === 'secret' || kind === 'file';

/** The settings as texts of a form; secrets come back as nothing. */
export function textsOf(type: ConnectorType, config: Readonly<Record<string, unknown>>): ConfigTexts {
  const fields: readonly ConnectorField[] = connectorFields[type];
  return Object.fromEntries(
    fields
      .filter((field) => !isWriteOnly(field) && config[field.name] !== undefined && config[field.name] !== null)
      .map(({ name }) => [name, String(config[name])]),
  );
}

/**
 * What the form says, as settings: for a new connector what is filled in, for a saved one what has changed (null clears). A secret that
 * was left empty is left out, and so kept.
 */
export function configOf(type: ConnectorType, texts: ConfigTexts, saved: ConfigTexts | undefined): Record<string, unknown> {
  const fields: readonly ConnectorField[] = connectorFields[type];
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
