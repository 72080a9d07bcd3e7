import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config.js';
import { createLog } from '../runtime/log.js';
import { openDatabase } from './open-database.js';
import { complain, say } from './terminal.js';

const examples = `
"gatehouse serve" migrates by itself; this is for doing it beforehand, with the same settings.

Examples:
  $ gatehouse migrate
  $ GATEHOUSE_DATABASE_URL=postgresql://owner@db.example/gatehouse gatehouse migrate
`;

/** `gatehouse migrate`: brings the database to the schema of this version. */
export function migrateCommand(program: Command, readConfig: () => Config): void {
  program
    .command('migrate')
    .description("bring the database to this version's schema")
    .addHelpText('after', examples)
    .action(async () => {
      const config = readConfig();
      const before = await appliedSteps(config);
      const opened = await openDatabase(config);
      if (!opened.ok) return complain(opened.error.message, opened.error.exitCode);
      await opened.value.close();
      const after = await appliedSteps(config);
      const done = after.filter((name) => !before.includes(name));
      say(done.length === 0 ? `Nothing to do: the schema is at ${after.at(-1)}.` : `Applied ${done.join(', ')}.`);
    });
}

/** The steps the database has; none when it cannot be looked at, which opening it then explains. */
async function appliedSteps(config: Config): Promise<readonly string[]> {
  const { inspectDatabase } = await import('../store/inspect.js');
  const looked = await inspectDatabase({
    ...(config.databaseUrl && { databaseUrl: config.databaseUrl.reveal() }),
    dataDir: join(config.dataDir, 'db'),
    log: createLog('silent'),
  });
  return looked.ok ? (looked.value?.applied ?? []) : [];
}
