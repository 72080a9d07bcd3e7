import type { Command } from 'commander';
import { z } from 'zod';
import type { Config } from '../config.js';
import { fail, type Result } from '../runtime/result.js';
import { getFromApi, postToApi } from './admin-api.js';
import { tokenFrom } from './api-token.js';
import { urlOf } from './checks/ports.js';
import { complain, exitCodes, say } from './terminal.js';

interface Options {
  readonly tokenFile?: string;
  readonly at?: string;
}

const caSchema = z.object({
  id: z.string(),
  state: z.string(),
  activatesAt: z.string().nullable(),
  certificate: z.object({ subject: z.string(), notAfter: z.string(), sha256: z.string() }),
});
const listSchema = z.object({ items: z.array(caSchema) });

const examples = `
These commands ask the running server over its admin API. The change of the issuing CA: prepare one well ahead, so that devices
learn of it by GetNextCACert; it takes over by itself at the time given, or when it is activated.

Examples:
  $ gatehouse ca list
  $ gatehouse ca prepare --at 2027-03-01T00:00:00Z
  $ gatehouse ca activate issuing-2
  $ gatehouse ca cancel issuing-2
`;

/** `gatehouse ca`: the CAs of the embedded engine, and the change from one issuing CA to the next. */
export function caCommand(program: Command, readConfig: () => Config): void {
  const ca = program.command('ca').description('the CAs of the embedded engine').addHelpText('after', examples);
  const command = (name: string, description: string): Command =>
    ca.command(name).description(description).option('--token-file <file>', 'an API token of a superadmin; by default that of the first run');
  command('list', 'list them with their fingerprints').action(async (options: Options) =>
    show(await ask(options, readConfig, (url, token) => getFromApi(url, token, '/engine-cas'))),
  );
  command('prepare', 'prepare the issuing CA that follows')
    .requiredOption('--at <time>', 'when it takes over, as in 2027-03-01T00:00:00Z')
    .action(async (options: Options) => {
      const at = new Date(options.at ?? '');
      if (Number.isNaN(at.getTime())) {
        complain('--at must be a time like 2027-03-01T00:00:00Z.', exitCodes.usage);
        return;
      }
      const body = { activatesAt: at.toISOString() };
      show(await ask(options, readConfig, (url, token) => postToApi(url, token, '/engine-cas', body)));
    });
  for (const [name, description] of [
    ['activate', 'let a prepared CA take over now'],
    ['cancel', 'give a prepared CA up'],
  ] as const) {
    command(`${name} <id>`, description).action(async (id: string, options: Options) =>
      show(await ask(options, readConfig, (url, token) => postToApi(url, token, `/engine-cas/${encodeURIComponent(id)}/${name}`))),
    );
  }
}

type Asked = Result<unknown, string>;

async function ask(options: Options, readConfig: () => Config, question: (url: string, token: string) => Promise<Asked>): Promise<Asked> {
  const config = readConfig();
  const token = tokenFrom(config, options.tokenFile);
  if (token === undefined) return fail('No API token: give one with --token-file, or set GATEHOUSE_ADMIN_TOKEN.');
  return question(config.adminListen.tls === undefined ? urlOf(config.adminListen) : config.adminUrl, token);
}

function show(answer: Asked): void {
  if (!answer.ok) {
    complain(answer.error);
    return;
  }
  const list = listSchema.safeParse(answer.value);
  const items = list.success ? list.data.items : [caSchema.parse(answer.value)];
  for (const { id, state, activatesAt, certificate } of items) {
    say(
      `${id.padEnd(12)} ${state.padEnd(8)} ${certificate.subject}, until ${certificate.notAfter.slice(0, 10)}${activatesAt === null ? '' : `, takes over at ${activatesAt}`}`,
    );
    say(`${' '.repeat(22)}SHA-256 ${certificate.sha256}`);
  }
}
