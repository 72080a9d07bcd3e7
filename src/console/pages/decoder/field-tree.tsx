import { Badge, Box, Group, Text } from '@mantine/core';
import type { Decoded, DecodedField } from '../../api/types.js';
import { Foreign } from '../../components/foreign.js';
import { plain } from '../../components/format.js';

export const verdictColours = { ok: 'green', failed: 'red', unknown: 'gray' } as const satisfies Record<Decoded['verdict'], string>;

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
