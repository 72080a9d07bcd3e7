import { Stack, Text, Title } from '@mantine/core';
import { plain } from '../../components/format.js';
import { words } from '../../strings/index.js';
import { policyMeanings } from '../../strings/policy-meanings.js';

const { common, profiles } = words;
const titles: Readonly<Record<string, string>> = profiles.policyParts;

/** What a policy says, part by part: what each setting means, the name the API has for it, and its value. */
export function PolicyFacts({ parts }: { readonly parts: Readonly<Record<string, unknown>> }) {
  return Object.entries(parts).map(([part, value]) => (
    <Stack key={part} gap={4} mt="sm">
      <Title order={3} size="h5">
        {titles[part] ?? part}
      </Title>
      <table className="grid facts meanings">
        <tbody>
          {settingsOf(part, value).map(({ path, shown }) => (
            <tr key={path}>
              <th scope="row">
                {policyMeanings[path] ?? path}
                <Text size="xs" ff="monospace">
                  {path}
                </Text>
              </th>
              <td>
                <bdi className="foreign">{plain(shown)}</bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Stack>
  ));
}

interface Setting {
  /** `cmp.revocation.serve`: as the API names it. */
  readonly path: string;
  readonly shown: string;
}

/** Down to where the API describes no further part. */
function settingsOf(path: string, value: unknown): Setting[] {
  const isPart = typeof value === 'object' && value !== null && !Array.isArray(value) && policyMeanings[path] === undefined;
  if (!isPart) return [{ path, shown: textOf(value) }];
  return Object.entries(value).flatMap(([name, inner]) => settingsOf(`${path}.${name}`, inner));
}

function textOf(value: unknown): string {
  if (value === null || value === '') return common.none;
  if (typeof value === 'boolean') return value ? common.yes : common.no;
  if (Array.isArray(value)) return value.length === 0 ? common.none : value.every(isText) ? value.map(shortened).join(', ') : String(value.length);
  if (typeof value === 'object') {
    const lines = Object.entries(value).map(([name, inner]) => `${name}: ${textOf(inner)}`);
    return lines.length === 0 ? common.none : lines.join('; ');
  }
  return String(value);
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** Certificates in PEM are told by how they begin. */
const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 40)}…` : text);
