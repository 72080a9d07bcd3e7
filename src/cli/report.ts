import type { Command } from 'commander';
import type { Config } from '../config.js';
import { getFromApi } from './admin-api.js';
import { tokenFrom } from './api-token.js';
import { urlOf } from './checks/ports.js';
import { complain, say } from './terminal.js';

interface Options {
  readonly tokenFile?: string;
  readonly json?: true;
}

interface Report {
  readonly at: string;
  readonly items: readonly Readonly<Record<string, unknown>>[];
}

/** A column's heading, and what stands in it. */
type Column = readonly [string, (item: Report['items'][number]) => unknown];

const columns: Readonly<Record<'access' | 'switches', readonly Column[]>> = {
  access: [
    ['KIND', ({ kind }) => kind],
    ['NAME', ({ name }) => name],
    ['ROLES', ({ roles }) => roles],
    ['TENANTS', ({ tenantIds }) => tenantIds ?? 'every'],
    ['STATUS', ({ status }) => status],
    ['LAST USED', ({ lastUsedAt }) => lastUsedAt ?? 'never'],
    ['REMARKS', ({ remarks }) => remarks],
  ],
  switches: [
    ['WHERE', ({ kind, name }) => (name === null ? kind : `${kind} ${name}`)],
    ['SETTING', ({ setting }) => setting],
    ['VALUE', ({ value }) => value],
    ['WHAT IT ALLOWS', ({ danger }) => danger],
  ],
};

const examples = `
Asks the running server of this machine, with the token of --token-file, of GATEHOUSE_ADMIN_TOKEN or of the first start; it needs the
permission audit:read, and sees what its tenant does.

Examples:
  $ gatehouse report access
  $ gatehouse report switches --json --token-file ./token
`;

/** `gatehouse report access` and `gatehouse report switches`: what auditors ask for. */
export function reportCommand(program: Command, readConfig: () => Config): void {
  const report = program.command('report').description('what auditors ask for');
  const command = (name: keyof typeof columns, description: string): void =>
    void report
      .command(name)
      .description(description)
      .option('--token-file <file>', 'an API token')
      .option('--json', 'as the API answers, with ids and permissions')
      .addHelpText('after', examples)
      .action((options: Options) => print(name, readConfig(), options));
  command('access', 'who may do what, and when they last did');
  command('switches', 'dangerous settings in force');
}

async function print(name: keyof typeof columns, config: Config, { tokenFile, json }: Options): Promise<void> {
  const token = tokenFrom(config, tokenFile);
  if (token === undefined || token === '') return complain('There is no token: give one with --token-file.');
  const answer = await getFromApi(urlOf(config.adminListen), token, `/reports/${name}`);
  if (!answer.ok) return complain(answer.error);
  if (json === true) return say(JSON.stringify(answer.value, null, 2));
  for (const line of table(columns[name], answer.value as Report)) say(line);
}

/** Control characters of names that somebody else chose must not reach the terminal. */
const plain = (value: unknown): string => [value].flat().join(' ').replace(/\p{C}/gu, '?');

function table(shown: readonly Column[], { items }: Report): readonly string[] {
  const rows = [shown.map(([heading]) => heading), ...items.map((item) => shown.map(([, cell]) => plain(cell(item))))];
  const widths = shown.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
