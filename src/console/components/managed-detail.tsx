import { Button, Stack } from '@mantine/core';
import { IconPencil, IconTrash } from '@tabler/icons-react';
import { type ComponentType, type ReactNode, Suspense, useState } from 'react';
import { announce } from '../app/announce.js';
import { useMay } from '../app/session.js';
import { words } from '../strings/index.js';
import type { Managed, ManagedFormProps, ManagedPlace } from './managed.js';
import { PageHead } from './page-head.js';
import { type PageTab, PageTabs } from './page-tabs.js';

interface ManagedDetailProps<T extends Managed> extends ManagedPlace {
  readonly item: T & { readonly description: string };
  readonly marks: ReactNode;
  readonly tabs: readonly PageTab[];
  /** Loaded when it is first opened. */
  readonly form: ComponentType<ManagedFormProps<T>>;
  readonly deletion: { ask(item: T): void; readonly dialog: ReactNode };
  readonly reload: () => void;
  saved(name: string): string;
}

/** The page of one managed object: its name and state, tabs, and the buttons that change it. */
export function ManagedDetail<T extends Managed>({ item, marks, tabs, form: Form, deletion, reload, saved, writes }: ManagedDetailProps<T>) {
  const [isEditing, setEditing] = useState(false);
  const close = (): void => setEditing(false);
  const done = ({ name }: T): void => {
    announce(saved(name));
    close();
  };
  const reloaded = (): void => {
    close();
    reload();
  };
  const buttons = (
    <>
      <Button variant="default" leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setEditing(true)}>
        {words.common.edit}
      </Button>
      <Button variant="default" c="var(--console-bad)" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => deletion.ask(item)}>
        {words.common.remove}
      </Button>
    </>
  );
  return (
    <Stack gap="md">
      <PageHead title={item.name} text={item.description} mark={marks}>
        {useMay()(writes) && buttons}
      </PageHead>
      <PageTabs label={item.name} tabs={tabs} />
      {isEditing && (
        <Suspense>
          <Form key={item.version} item={item} onClose={close} onSaved={done} onReload={reloaded} />
        </Suspense>
      )}
      {deletion.dialog}
    </Stack>
  );
}
