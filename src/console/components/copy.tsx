import { ActionIcon } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../strings/index.js';

/** Browsers offer the clipboard on https and localhost only; elsewhere the old command still works. */
async function copy(text: string): Promise<void> {
  if (globalThis.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** @param what What is copied, for those who hear the button: `CMP URL`. */
export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const [isCopied, setCopied] = useState(false);
  const act = async (): Promise<void> => {
    await copy(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  const label = isCopied ? words.common.copied : `${words.common.copy}: ${what}`;
  return (
    <ActionIcon size="sm" title={label} aria-label={label} onClick={act}>
      {isCopied ? <IconCheck size={15} aria-hidden /> : <IconCopy size={15} aria-hidden />}
    </ActionIcon>
  );
}
