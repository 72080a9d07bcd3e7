import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { sealedAtOnce } from '../audit/chain.js';
import { keyText } from '../audit/checkpoint.js';
import type { Config } from '../config.js';
import type { Store } from '../store/store.js';
import { openDatabase } from './open-database.js';
import { complain, say } from './terminal.js';

const exportExamples = `
The file holds every event and every checkpoint; "gatehouse audit verify --export" needs nothing else but the key. Where a server holds
an embedded database, ask it: GET /api/v1/audit-export.

Examples:
  $ gatehouse audit key > audit.key
  $ gatehouse audit export --out audit.jsonl
  $ gatehouse audit verify --export audit.jsonl --key audit.key
`;

/** `gatehouse audit export` and `gatehouse audit key`. */
export function auditExportCommand(audit: Command, readConfig: () => Config): void {
  audit
    .command('export')
    .description('write the whole trail, with its checkpoints, to a file')
    .requiredOption('--out <file>', 'the file to write')
    .addHelpText('after', exportExamples)
    .action(({ out }: { readonly out: string }) => withStore(readConfig(), (store) => writeExport(store, out)));
  audit
    .command('key')
    .description('print the public key of the checkpoints; keep it where those who can change the database cannot')
    .action(() => withStore(readConfig(), async ({ auditChain }) => say(keyText(await auditChain.key()))));
}

async function withStore(config: Config, use: (store: Store) => Promise<void>): Promise<void> {
  const opened = await openDatabase(config);
  if (!opened.ok) return complain(opened.error.message, opened.error.exitCode);
  try {
    await use(opened.value);
  } finally {
    await opened.value.close();
  }
}

async function writeExport({ auditChain, audit }: Store, out: string): Promise<void> {
  const event = { at: new Date(), tenantId: null, actor: 'cli', action: 'audit.exported', object: 'installation', outcome: 'success', details: {} } as const;
  await audit.append(event);
  await sealAll({ auditChain });
  await pipeline(Readable.from(linesOf(auditChain.export())), createWriteStream(out, { mode: 0o600 }));
  say(`${out} is written.`);
}

async function* linesOf(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`;
}

/** Everything committed is sealed and signed afterwards, unless a running node is just about to. */
export async function sealAll({ auditChain }: Pick<Store, 'auditChain'>): Promise<void> {
  while ((await auditChain.seal()) >= sealedAtOnce);
  await auditChain.sign('now');
}
