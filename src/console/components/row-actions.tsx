import { ActionIcon, Group, Tooltip } from '@mantine/core';
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
        <Tooltip label={common.view}>
          <ActionIcon component={Link} to={to} aria-label={`${common.view}: ${name}`}>
            <IconEye size={16} aria-hidden />
          </ActionIcon>
        </Tooltip>
      )}
      {onEdit !== undefined && (
        <Tooltip label={common.edit}>
          <ActionIcon aria-label={`${common.edit}: ${name}`} onClick={onEdit}>
            <IconPencil size={16} aria-hidden />
          </ActionIcon>
        </Tooltip>
      )}
      {onDelete !== undefined && (
        <Tooltip label={common.remove}>
          <ActionIcon aria-label={`${common.remove}: ${name}`} onClick={onDelete}>
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
        </Tooltip>
      )}
    </Group>
  );
}
