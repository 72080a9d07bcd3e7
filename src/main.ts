import { Command } from 'commander';
import { addCommands } from './cli/index.js';
import { type Config, parseConfig } from './config.js';
import { createLog } from './runtime/log.js';
import { programVersion } from './runtime/version.js';
import { unexpectedFault } from './start-fault.js';

/** sysexits.h: EX_CONFIG. */
const configExitCode = 78;

/** The configuration from the environment; lists every fault and ends the process when there is one. */
function configOrExit(): Config {
  const parsed = parseConfig();
  if (parsed.ok) return parsed.value;
  const lines = parsed.error.map(({ variable, message }) => `  ${variable} ${message}`);
  process.stderr.write(`gatehouse: the configuration has ${lines.length} fault${lines.length === 1 ? '' : 's'}:\n${lines.join('\n')}\n`);
  process.exit(configExitCode);
}

// The server and the database are loaded by the commands that need them: a device command starts in a quarter of the time.
const program = new Command('gatehouse').description('Enrolment server for SCEP (RFC 8894) and CMP (RFC 4210/9810, RFC 9483)').version(programVersion());

program
  .command('serve', { isDefault: true })
  .description('run the server (settings come from the environment: GATEHOUSE_...)')
  .action(async () => {
    const { serve } = await import('./serve.js');
    await serve(configOrExit());
  });

addCommands(program, { readConfig: configOrExit, parseSettings: () => parseConfig() });

try {
  await program.parseAsync();
} catch (error) {
  createLog('fatal').fatal({ err: error }, 'the command failed');
  const { message, exitCode } = unexpectedFault(error);
  process.stderr.write(`gatehouse: ${message}\n`);
  process.exit(exitCode);
}
