import { Code, Group } from '@mantine/core';
import { Copy } from './copy.js';
import { plain } from './format.js';

/** An address to be copied. */
export function CopiedUrl({ url, what }: { readonly url: string; readonly what: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      <Code className="foreign">{plain(url)}</Code>
      <Copy text={url} what={what} />
    </Group>
  );
}
