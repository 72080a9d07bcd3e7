import { ActionIcon, Group } from '@mantine/core';
import { IconEye, IconPencil, IconTrash } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { words } from '../strings/index.js';

interface RowActionsProps {
  readonly name: string;
  /** Absent: it has no page of its own. */
  readonly to?: string | undefined;
  /** Absent: the caller may not. */
  readonly onEdit?: (() => void) | undefined;
  readonly onDelete?: (() => void) | undefined;
}

const { common } = words;

/** View, Edit and Delete at the end of a row. */
export function RowActions({ name, to, onEdit, onDelete }: RowActionsProps) {
  return (
    <Group gap={2} wrap="nowrap" justify="end">
      {to !== undefined && (
        <ActionIcon component={Link} to={to} title={common.view} aria-label={`${common.view}: ${name}`}>
          <IconEye size={16} aria-hidden />
        </ActionIcon>
      )}
      {onEdit !== undefined && (
        <ActionIcon title={common.edit} aria-label={`${common.edit}: ${name}`} onClick={onEdit}>
          <IconPencil size={16} aria-hidden />
        </ActionIcon>
      )}
      {onDelete !== undefined && (
        <ActionIcon title={common.remove} aria-label={`${common.remove}: ${name}`} onClick={onDelete}>
          <IconTrash size={16} aria-hidden />
        </ActionIcon>
      )}
    </Group>
  );
}
