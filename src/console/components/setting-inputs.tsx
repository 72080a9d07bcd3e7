import { Accordion, Stack } from '@mantine/core';
import { useState } from 'react';
import type { SecretState } from '../api/types.js';
import { words } from '../strings/index.js';
import { SettingInput } from './setting-input.js';
import type { SettingField } from './settings.js';

interface SettingInputsProps<N extends string> {
  readonly fields: readonly SettingField<N>[];
  readonly labels: Readonly<Record<N, string>>;
  readonly hints: Readonly<Partial<Record<string, string>>>;
  /** As they are saved; undefined: not saved yet. */
  readonly saved: Readonly<Record<string, unknown>> | undefined;
  textOf(name: N): string;
  errorOf(name: N): string | undefined;
  onChange(name: N, value: string): void;
}

/** The inputs of all settings; those that are seldom needed are folded away, unless something is wrong with one. */
export function SettingInputs<N extends string>({ fields, labels, hints, saved, textOf, errorOf, onChange }: SettingInputsProps<N>) {
  const [isOpen, setOpen] = useState(false);
  const input = (field: SettingField<N>) => {
    const { name } = field;
    const secret = saved?.[name] as SecretState | undefined;
    const shown = { label: labels[name], hint: hints[name], value: textOf(name), error: errorOf(name), secret };
    return <SettingInput key={name} field={field} {...shown} onChange={(value) => onChange(name, value)} />;
  };
  const further = fields.filter(({ isFurther }) => isFurther === true);
  const isFaulty = further.some(({ name }) => errorOf(name) !== undefined);
  return (
    <>
      {fields.filter(({ isFurther }) => isFurther !== true).map(input)}
      {further.length > 0 && (
        <Accordion variant="contained" value={isOpen || isFaulty ? 'more' : null} onChange={(item) => setOpen(item !== null)}>
          <Accordion.Item value="more">
            <Accordion.Control>{words.connectors.more}</Accordion.Control>
            <Accordion.Panel>
              <Stack gap="sm">{further.map(input)}</Stack>
            </Accordion.Panel>
          </Accordion.Item>
        </Accordion>
      )}
    </>
  );
}
