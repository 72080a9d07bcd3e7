import { FileInput, NumberInput, PasswordInput, Select, Textarea, TextInput } from '@mantine/core';
import { useRef, useState } from 'react';
import type { SecretState } from '../api/types.js';
import { words } from '../strings/index.js';
import { showNumber, showTime } from './format.js';
import type { SettingField } from './settings.js';

const { common, connectors } = words;
const maxPfxBytes = 64 * 1024;

interface SettingInputProps {
  readonly field: SettingField;
  readonly label: string;
  readonly hint?: string | undefined;
  readonly value: string;
  readonly error: string | undefined;
  /** Of a write-only setting that is saved already. */
  readonly secret: SecretState | undefined;
  readonly onChange: (value: string) => void;
}

/** The input of one setting. */
export function SettingInput({ field: { kind, isRequired, choices }, label, hint, value, error, secret, onChange }: SettingInputProps) {
  const isSet = secret?.set === true;
  const kept = isSet && secret.updatedAt !== null ? common.secretSet(showTime(secret.updatedAt)) : undefined;
  const shared = { label, description: kept ?? hint, error, withAsterisk: isRequired === true && !isSet };
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
      return (
        <Select
          {...shared}
          data={[...(choices ?? [])]}
          value={value === '' ? null : value}
          onChange={(given) => onChange(given ?? '')}
          clearable={isRequired !== true}
        />
      );
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
  const latest = useRef<File>(null);
  const choose = async (given: File | null): Promise<void> => {
    const tooLarge = given !== null && given.size > maxPfxBytes;
    const file = tooLarge ? null : given;
    latest.current = file;
    const base64 = file === null ? '' : await base64Of(file);
    // Another may have been chosen while this one was read; and what is shown as chosen has been read.
    if (latest.current !== file) return;
    setTooLarge(tooLarge);
    setChosen(file);
    onChange(base64);
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
      clearButtonProps={{ 'aria-label': connectors.pfxForget }}
    />
  );
}
