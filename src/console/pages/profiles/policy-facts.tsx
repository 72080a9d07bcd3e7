import { Stack, Text, Title } from '@mantine/core';
import { isPem, pemText, plain } from '../../components/format.js';
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
      <table className="grid facts meanings" aria-label={titles[part] ?? part}>
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

/** Null and an empty list are opposites: what is null is not looked at, of an empty list nothing is allowed. */
function textOf(value: unknown): string {
  if (value === null) return profiles.policyNull;
  if (value === '') return common.none;
  if (typeof value === 'boolean') return value ? common.yes : common.no;
  if (Array.isArray(value)) return value.length === 0 ? profiles.policyEmpty : value.map(textOf).join(value.every(isPem) ? '; ' : ', ');
  if (typeof value === 'object') {
    const lines = Object.entries(value).map(([name, inner]) => `${name}: ${textOf(inner)}`);
    return lines.length === 0 ? profiles.policyEmpty : lines.join('; ');
  }
  return isPem(value) ? pemText(value) : String(value);
}
