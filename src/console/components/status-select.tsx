import { Select } from '@mantine/core';
import { words } from '../strings/index.js';
import type { Field } from './entity-form.js';

const { common } = words;

/** What is active and what is not, as filters and forms offer it. */
export const statusOptions = [
  { value: 'active', label: common.active },
  { value: 'inactive', label: common.inactive },
] as const;

interface StatusSelectProps extends Field<string> {
  readonly description?: string;
}

/** The status of an object, in its form. */
export function StatusSelect(props: StatusSelectProps) {
  return <Select label={common.status} data={[...statusOptions]} allowDeselect={false} {...props} />;
}
