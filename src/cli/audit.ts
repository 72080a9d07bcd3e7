import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import type { TrailFault, TrailMarks, TrailReport } from '../audit/trail.js';
import type { Config } from '../config.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { openDatabase } from './open-database.js';
import { complain, exitCodes, say } from './terminal.js';

interface Options {
  readonly marks?: string;
}

const examples = `
Every row of the audit trail has a number that counts without a gap for each start of a node. With --marks, a digest over all rows
is kept in a file; what was changed or taken away since is found the next time. Keep the file where those who can change the
database cannot. Exit code 0 when the trail is sound, 1 when it is not, and then the file stays as it was.

Examples:
  $ gatehouse audit verify
  $ gatehouse audit verify --marks /mnt/elsewhere/gatehouse-audit.json
`;

/** `gatehouse audit verify`: whether the audit trail is whole. */
export function auditCommand(program: Command, readConfig: () => Config): void {
  program
    .command('audit')
    .description('the audit trail')
    .command('verify')
    .description('look for rows that are missing or were changed')
    .option('--marks <file>', 'compare with this file of an earlier run, and write it anew')
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const marks = readMarks(options.marks);
      if (!marks.ok) return complain(marks.error, exitCodes.usage);
      const opened = await openDatabase(readConfig());
      if (!opened.ok) return complain(opened.error.message, opened.error.exitCode);
      try {
        conclude(await opened.value.auditTrail.verify(marks.value, progressTo(process.stderr)), options);
      } finally {
        await opened.value.close();
      }
    });
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
