import { Accordion, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { oneQuery } from '../../api/queries.js';
import type { SnippetList } from '../../api/types.js';
import { Copy } from '../../components/copy.js';
import { EmptyState } from '../../components/empty-state.js';
import { plain } from '../../components/format.js';
import { Panel } from '../../components/panel.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';

const { profiles } = words;

/** What to type or load on each kind of client, with this profile's address filled in. */
export function SnippetsPanel({ path }: { readonly path: string }) {
  const result = useQuery(oneQuery<SnippetList>(`${path}/snippets`));
  return (
    <Panel title={profiles.tabs.commands}>
      <Text size="sm" c="dimmed">
        {profiles.commandsText}
      </Text>
      <Whole result={result}>{({ items }) => (items.length === 0 ? <EmptyState title={profiles.noCommands} text="" /> : <Snippets items={items} />)}</Whole>
    </Panel>
  );
}

function Snippets({ items }: SnippetList) {
  return (
    <Accordion variant="separated" defaultValue={items[0]?.client ?? null}>
      {items.map(({ client, title, note, text }) => (
        <Accordion.Item key={client} value={client}>
          <Accordion.Control>
            <span className="foreign">{plain(title)}</span>
          </Accordion.Control>
          <Accordion.Panel>
            <Stack gap="xs">
              <Group justify="space-between" wrap="nowrap" align="start">
                <Text size="sm" c="dimmed" className="foreign">
                  {plain(note)}
                </Text>
                <Copy text={text} what={title} />
              </Group>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled must be reachable by the keyboard */}
              <pre className="snippet" tabIndex={0}>
                {plain(text)}
              </pre>
            </Stack>
          </Accordion.Panel>
        </Accordion.Item>
      ))}
    </Accordion>
  );
}
