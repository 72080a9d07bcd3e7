import { Badge, Box, Group, Text } from '@mantine/core';
import type { Decoded, DecodedField } from '../../api/types.js';
import { Foreign } from '../../components/foreign.js';
import { plain } from '../../components/format.js';
import { words } from '../../strings/index.js';

const verdictColours = { ok: 'green', failed: 'red', unknown: 'gray' } as const satisfies Record<Decoded['verdict'], string>;
const { verdicts } = words.decoder;

/** Whether anything in it was checked at all; the names and dates of a certificate say what they say. */
function isChecked(fields: readonly DecodedField[]): boolean {
  return fields.some(({ verdict, fields: inner = [] }) => verdict !== undefined || isChecked(inner));
}

/** What came of all checks of a message together. */
export function VerdictBadge({ decoded: { verdict, fields } }: { readonly decoded: Pick<Decoded, 'verdict' | 'fields'> }) {
  if (!isChecked(fields)) return <Badge color="gray">{verdicts.nothing}</Badge>;
  return <Badge color={verdictColours[verdict]}>{verdicts[verdict]}</Badge>;
}

/** The fields of a message, one below the other as they stand in it, with the verdict of each check. */
export function FieldTree({ fields }: { readonly fields: readonly DecodedField[] }) {
  return (
    <Box component="ul" pl={0} m={0} style={{ listStyle: 'none' }}>
      {fields.map((field, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the fields of a message never change places
        <Field key={place} field={field} />
      ))}
    </Box>
  );
}

function Field({ field: { name, value, note, verdict, fields } }: { readonly field: DecodedField }) {
  return (
    <Box component="li" py={2}>
      <Group gap="xs" align="start" wrap="nowrap">
        <Text size="sm" fw={600} style={{ flexShrink: 0 }} maw={220} className="foreign">
          {plain(name)}
        </Text>
        <Text size="sm" component="div" flex={1} miw={0}>
          <Foreign text={value} wrap />
          {note !== undefined && (
            <Text size="xs" c="dimmed" className="foreign">
              {plain(note)}
            </Text>
          )}
        </Text>
        {verdict !== undefined && <Badge color={verdictColours[verdict]}>{verdict}</Badge>}
      </Group>
      {fields !== undefined && fields.length > 0 && (
        <Box pl="md" ml={4} style={{ borderLeft: '1px solid var(--console-line)' }}>
          <FieldTree fields={fields} />
        </Box>
      )}
    </Box>
  );
}
