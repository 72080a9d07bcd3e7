import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { ConfigFault } from '../config/faults-across.js';
import { type Config, unknownSettings } from '../config.js';
import { otherKeyOf } from '../master-key.js';
import { createLog } from '../runtime/log.js';
import type { Result } from '../runtime/result.js';
import { tokenFrom } from './api-token.js';
import { checkDataDirectory } from './checks/data-directory.js';
import { databaseFindings } from './checks/database.js';
import { type Finding, failure, good } from './checks/finding.js';
import { checkNodeVersion } from './checks/node-version.js';
import { checkPort, urlOf } from './checks/ports.js';
import { checkRaCertificates } from './checks/ra-certificates.js';
import { unknownSettingFindings } from './checks/unknown-settings.js';
import { exitCodes, say } from './terminal.js';

interface Options {
  readonly tokenFile?: string;
}

const examples = `
Nothing is changed. Exit code 0 when nothing failed, else 1.

Examples:
  $ gatehouse doctor
  $ GATEHOUSE_MODE=production gatehouse doctor
  $ gatehouse doctor --token-file ./token
`;

/** `gatehouse doctor`: everything that can be wrong, looked at at once. */
export function doctorCommand(program: Command, parseSettings: () => Result<Config, readonly ConfigFault[]>): void {
  program
    .command('doctor')
    .description('look for faults: settings, data directory, database, keys, ports, certificates')
    .option('--token-file <file>', 'an API token, to ask a running server about its RA certificates')
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const findings = await examine(parseSettings(), options);
      for (const line of table(findings)) say(line);
      if (findings.some(({ state }) => state === 'fail')) process.exitCode = exitCodes.failed;
    });
}

async function examine(settings: Result<Config, readonly ConfigFault[]>, options: Options): Promise<readonly Finding[]> {
  const node = checkNodeVersion(process.versions.node);
  const unknown = unknownSettingFindings(unknownSettings());
  if (settings.ok) return [node, good('Settings', `${settings.value.mode} mode`), ...unknown, ...(await examineInstallation(settings.value, options))];
  const faults = settings.error.map(({ variable, message }) => failure('Settings', `${variable} ${message}`, `Correct ${variable}.`));
  return [node, ...faults, ...unknown];
}

async function examineInstallation(config: Config, options: Options): Promise<readonly Finding[]> {
  const directory = checkDataDirectory(config);
  const device = config.roles.includes('device') ? [await checkPort('Device port', config.listen, 'GATEHOUSE_LISTEN')] : [];
  const admin = config.roles.includes('admin') ? [await checkPort('Admin port', config.adminListen, 'GATEHOUSE_ADMIN_LISTEN')] : [];
  const ports = [...device, ...admin];
  const isServing = ports.some((port) => port.isServing);
  const isUsable = directory.every(({ state }) => state !== 'fail') || config.databaseUrl !== undefined;
  const database = isUsable ? await examineDatabase(config, isServing) : [];
  const token = ports.length === 2 && ports.every((port) => port.isServing) ? tokenFrom(config, options.tokenFile) : undefined;
  const certificates = token === undefined ? [] : await checkRaCertificates(urlOf(config.adminListen), urlOf(config.listen), token);
  return [...directory, ...database, ...ports.map(({ finding }) => finding), ...certificates];
}

async function examineDatabase(config: Config, isServing: boolean): Promise<readonly Finding[]> {
  const masterKey = config.masterKey?.reveal() ?? readDevKey(config.dataDir);
  const { inspectDatabase } = await import('../store/inspect.js');
  const looked = await inspectDatabase({
    ...(config.databaseUrl && { databaseUrl: config.databaseUrl.reveal() }),
    dataDir: join(config.dataDir, 'db'),
    ...(masterKey && { masterKey }),
    ...otherKeyOf(config),
    log: createLog('silent'),
  });
  return databaseFindings(looked, { isEmbedded: config.databaseUrl === undefined, isServing, isDeviceOnly: config.isDeviceOnly });
}

function readDevKey(dataDir: string): Buffer | undefined {
  const file = join(dataDir, 'master.key');
  if (!existsSync(file)) return undefined;
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
  return key.length === 32 ? key : undefined;
}

function table(findings: readonly Finding[]): readonly string[] {
  const width = Math.max(...findings.map(({ what }) => what.length));
  const lines = findings.flatMap(({ state, what, detail, todo }) => [
    `${state.padEnd(4)}  ${what.padEnd(width)}  ${detail}`,
    ...(todo === undefined ? [] : [`      ${' '.repeat(width)}  -> ${todo}`]),
  ]);
  const count = (state: Finding['state']): number => findings.filter((finding) => finding.state === state).length;
  return [...lines, '', `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed`];
}
