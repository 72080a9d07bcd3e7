import { type ReactNode, useState } from 'react';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import { announce } from '../../app/announce.js';
import { Confirm } from '../../components/confirm.js';
import { plain } from '../../components/format.js';
import { words } from '../../strings/index.js';

interface Deletable {
  readonly id: string;
  readonly name: string;
  readonly version: number;
}

interface Deletion {
  ask(item: Deletable): void;
  readonly dialog: ReactNode;
}

/** The question before a deletion; where the object is in use the answer says by what. */
export function useDeletion(path: string, text: string, deleted: (name: string) => string, afterwards?: () => void): Deletion {
  const [item, setItem] = useState<Deletable>();
  const change = useChange(({ id, version }: Deletable) => call<void>(`${path}/${id}`, { method: 'DELETE', version }));
  const close = (): void => {
    setItem(undefined);
    change.reset();
  };
  const act = (): void => {
    if (item === undefined) return;
    const onSuccess = (): void => {
      announce(deleted(item.name));
      close();
      afterwards?.();
    };
    change.mutate(item, { onSuccess });
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
