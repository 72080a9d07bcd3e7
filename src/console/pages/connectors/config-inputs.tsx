import { FileInput, NumberInput, PasswordInput, Select, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { SecretState } from '../../api/types.js';
import { showNumber, showTime } from '../../components/format.js';
import { words } from '../../strings/index.js';
import type { ConnectorField } from './connector-fields.js';

const { common, connectors } = words;
const hints: Readonly<Record<string, string>> = connectors.hints;
const maxPfxBytes = 64 * 1024;

interface ConfigInputProps {
  readonly field: ConnectorField;
  readonly value: string;
  readonly error: string | undefined;
  /** Of a write-only setting that is saved already. */
  readonly secret: SecretState | undefined;
  readonly onChange: (value: string) => void;
}

/** The input of one setting. */
export function ConfigInput({ field, value, error, secret, onChange }: ConfigInputProps) {
  const { name, kind, isRequired, choices } = field;
  const isSet = secret?.set === true;
  const kept = isSet && secret.updatedAt !== null ? common.secretSet(showTime(secret.updatedAt)) : undefined;
  const shared = { label: connectors.fields[name], description: kept ?? hints[name], error, withAsterisk: isRequired === true };
  switch (kind) {
    case 'secret':
      return (
        <PasswordInput
          {...shared}
          placeholder={isSet ? '••••••••' : ''}
          autoComplete="new-password"
          value={value}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    case 'file':
      return <PfxInput {...shared} onChange={onChange} />;
    case 'number':
      return (
        <NumberInput {...shared} min={0} allowDecimal={false} allowNegative={false} hideControls value={value} onChange={(given) => onChange(String(given))} />
      );
    case 'select':
      return <Select {...shared} data={[...(choices ?? [])]} value={value === '' ? null : value} onChange={(given) => onChange(given ?? '')} clearable />;
    case 'pem':
      return (
        <Textarea
          {...shared}
          autosize
          minRows={3}
          maxRows={8}
          placeholder="-----BEGIN CERTIFICATE-----"
          value={value}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    default:
      return <TextInput {...shared} value={value} onChange={(event) => onChange(event.currentTarget.value)} />;
  }
}

interface PfxInputProps {
  readonly label: string;
  readonly description: string | undefined;
  readonly error: string | undefined;
  readonly onChange: (base64: string) => void;
}

async function base64Of(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** The PKCS#12 file is read here and sent with the form; nothing else of it stays in the page. */
function PfxInput({ label, description, error, onChange }: PfxInputProps) {
  const [chosen, setChosen] = useState<File | null>(null);
  const [isTooLarge, setTooLarge] = useState(false);
  const choose = async (file: File | null): Promise<void> => {
    const tooLarge = file !== null && file.size > maxPfxBytes;
    setTooLarge(tooLarge);
    setChosen(tooLarge ? null : file);
    onChange(file === null || tooLarge ? '' : await base64Of(file));
  };
  const told = chosen === null ? description : connectors.pfxChosen(chosen.name, showNumber(chosen.size));
  return (
    <FileInput
      label={label}
      description={told}
      error={isTooLarge ? connectors.pfxTooLarge : error}
      accept=".p12,.pfx,application/x-pkcs12"
      value={chosen}
      onChange={choose}
      clearable
    />
  );
}
