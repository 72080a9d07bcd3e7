import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { call } from '../../api/call.js';
import { forget } from '../../api/queries.js';
import { announce } from '../../app/announce.js';
import { Confirm } from '../../components/confirm.js';
import { plain } from '../../components/format.js';
import type { Managed } from '../../components/managed.js';
import { words } from '../../strings/index.js';

interface Deletion {
  ask(item: Managed): void;
  readonly dialog: ReactNode;
}

/**
 * The question before a deletion; where the object is in use the answer says by what.
 *
 * @param leave - Leads away from the page of the object, which is not asked for again.
 */
export function useDeletion(path: string, text: string, deleted: (name: string) => string, leave?: () => Promise<void>): Deletion {
  const queries = useQueryClient();
  const [item, setItem] = useState<Managed>();
  const change = useMutation({
    mutationFn: ({ id, version }: Managed) => call<void>(`${path}/${id}`, { method: 'DELETE', version }),
    onSuccess: async (_, { id, name }) => {
      announce(deleted(name));
      setItem(undefined);
      await leave?.();
      await forget(queries, `${path}/${id}`);
    },
  });
  const close = (): void => {
    setItem(undefined);
    change.reset();
  };
  const act = (): void => {
    if (item !== undefined) change.mutate(item);
  };
  const dialog = (
    <Confirm
      opened={item !== undefined}
      title={words.common.deleteTitle(plain(item?.name ?? ''))}
      text={text}
      action={words.common.remove}
      isBusy={change.isPending}
      error={change.error}
      onConfirm={act}
      onClose={close}
    />
  );
  return { ask: setItem, dialog };
}
