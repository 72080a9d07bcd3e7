import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import type { TrailFault, TrailMarks, TrailReport } from '../audit/trail.js';
import { type ExportReport, verifyExport } from '../audit/verify-export.js';
import type { Config } from '../config.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { Store } from '../store/store.js';
import { sealAll } from './audit-export.js';
import { exportFileLines, readKept, readKeyFile } from './audit-files.js';
import { openDatabase } from './open-database.js';
import { complain, exitCodes, say } from './terminal.js';

interface Options {
  readonly marks?: string;
  readonly export?: string;
  readonly key?: string;
  readonly kept?: string;
}

const examples = `
Every event has a number that counts without a gap for each start of a node, and one over all nodes; a chain of hashes and signed
checkpoints bind them. With --export a file is verified, without a database and without settings; it needs the --key that
"gatehouse audit key" printed. With --kept, the checkpoints that were copied out of the database are held against it: what was
rewritten or cut off since is found, also when it was done with all keys in hand. With --marks, a digest over all rows is kept in
a file, and what was changed since is found the next time, sealed or not. Exit code 0 when the trail is sound, 1 when it is not.

Examples:
  $ gatehouse audit verify
  $ gatehouse audit verify --kept /mnt/elsewhere/checkpoints --marks /mnt/elsewhere/gatehouse-audit.json
  $ gatehouse audit verify --export audit.jsonl --key audit.key --kept /mnt/elsewhere/checkpoints
`;

/** `gatehouse audit verify`: whether the audit trail, or an export of it, is whole. */
export function auditVerifyCommand(audit: Command, readConfig: () => Config): void {
  audit
    .command('verify')
    .description('look for events that are missing or were changed')
    .option('--marks <file>', 'compare with this file of an earlier run, and write it anew')
    .option('--export <file>', 'verify this export instead of the database')
    .option('--key <file>', 'the public key of the checkpoints; for --export')
    .option('--kept <path>', 'a checkpoint, or a folder of them, that was kept elsewhere')
    .addHelpText('after', examples)
    .action((options: Options) => (options.export === undefined ? verifyDatabase(readConfig(), options) : verifyFile(options.export, options)));
}

async function verifyFile(file: string, options: Options): Promise<void> {
  if (options.key === undefined) return complain('An export is verified with a --key ("gatehouse audit key" prints it).', exitCodes.usage);
  const [key, kept] = [readKeyFile(options.key), readKept(options.kept)];
  if (!key.ok) return complain(key.error, exitCodes.usage);
  if (!kept.ok) return complain(kept.error, exitCodes.usage);
  const lines = exportFileLines(file);
  if (!lines.ok) return complain(lines.error, exitCodes.usage);
  concludeExport(await verifyExport(lines.value, key.value, kept.value), file);
}

function concludeExport({ events, checkpoints, fault }: ExportReport, what: string): void {
  if (fault === undefined) {
    say(`${what} is sound: ${events} events under ${checkpoints} checkpoints.`);
    return;
  }
  const where = fault.line === 0 ? '' : `line ${fault.line}, `;
  say(`${where}after event ${fault.seq}: ${fault.message} (${fault.kind})`);
  complain(`${what} is not what the nodes wrote.`);
}

async function verifyDatabase(config: Config, options: Options): Promise<void> {
  const [marks, kept] = [readMarks(options.marks), readKept(options.kept)];
  if (!marks.ok) return complain(marks.error, exitCodes.usage);
  if (!kept.ok) return complain(kept.error, exitCodes.usage);
  const opened = await openDatabase(config);
  if (!opened.ok) return complain(opened.error.message, opened.error.exitCode);
  try {
    conclude(await opened.value.auditTrail.verify(marks.value, progressTo(process.stderr)), options);
    concludeExport(await verifyChain(opened.value, kept.value), 'The chain');
  } finally {
    await opened.value.close();
  }
}

/** A node that runs seals and signs by itself. */
async function verifyChain(store: Store, kept: readonly string[]): Promise<ExportReport> {
  await sealAll(store);
  return verifyExport(store.auditChain.export(), await store.auditChain.key(), kept);
}

const marksSchema = z.record(z.string(), z.object({ seq: z.number().int().min(1), digest: z.string().regex(/^[0-9a-f]{64}$/) }));

function readMarks(file: string | undefined): Result<TrailMarks, string> {
  if (file === undefined || !existsSync(file)) return ok({});
  try {
    const parsed = marksSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    return parsed.success ? ok(parsed.data) : fail(`${file} was not written by this command.`);
  } catch (error) {
    return fail(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** On a terminal only: a log file needs no counting. */
function progressTo(stream: NodeJS.WriteStream): (events: number) => void {
  if (!stream.isTTY) return () => undefined;
  return (events) => void stream.write(`\r${events} rows`);
}

function conclude(report: TrailReport, { marks }: Options): void {
  if (report.faults.length > 0) {
    for (const fault of report.faults) say(sentenceOf(fault));
    complain(`The audit trail has ${report.faults.length} fault${report.faults.length === 1 ? '' : 's'}; it is not what the nodes wrote.`);
    return;
  }
  say(`The audit trail is whole: ${report.events} rows of ${report.boots} starts.`);
  if (marks === undefined) return;
  const aside = `${marks}.${process.pid}`;
  writeFileSync(aside, `${JSON.stringify(report.marks, null, 2)}\n`, { mode: 0o600 });
  renameSync(aside, marks);
}

function sentenceOf(fault: TrailFault): string {
  switch (fault.kind) {
    case 'gap':
      return `boot ${fault.boot}: rows ${fault.from} to ${fault.to} are missing`;
    case 'beyond':
      return `boot ${fault.boot}: row ${fault.seq} was not written by a node`;
    case 'not-canonical':
      return `boot ${fault.boot}: the details of row ${fault.seq} were changed`;
    case 'changed':
      return `boot ${fault.boot}: rows up to ${fault.seq} are not what they were when the marks were written`;
    case 'gone':
      return `boot ${fault.boot}: it is in the marks, and gone from the database`;
  }
}
