import type { ReactNode } from 'react';
import { words } from '../strings/index.js';
import type { FormState } from './entity-form.js';
import { FormDrawer } from './form-drawer.js';

interface ManagedDrawerProps {
  readonly words: { readonly add: string; readonly edit: string; readonly create: string };
  /** Whether the object is there already. */
  readonly isSaved: boolean;
  readonly form: FormState;
  readonly onClose: () => void;
  readonly onReload: () => void;
  readonly children: ReactNode;
}

/** The frame of a form that adds an object or changes one. */
export function ManagedDrawer({ words: { add, edit, create }, isSaved, ...rest }: ManagedDrawerProps) {
  return <FormDrawer title={isSaved ? edit : add} submitLabel={isSaved ? words.common.save : create} {...rest} />;
}
