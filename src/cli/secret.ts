import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Config } from '../config.js';
import { replaceDevMasterKey } from '../master-key.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type StartFault, storeExitCodes } from '../start-fault.js';
import { describeStoreFault, type StoreFault } from '../store/fault.js';
import type { RotationFault } from '../store/rotate.js';
import { storeOptions } from './open-database.js';
import { complain, exitCodes, say } from './terminal.js';

const examples = `
Stop every node first. The settings name the present master key, the file the new one. A run that was cut off is finished
by running it again; until then no server starts. Keep the old key as long as you keep backups that were made with it.

With --online nodes go on serving, on PostgreSQL: every one of them, and this command, has the new key as GATEHOUSE_MASTER_KEY and the old
one as GATEHOUSE_OTHER_MASTER_KEY. docs/operations.md has the steps before and after.

Examples:
  $ (umask 077; openssl rand -base64 32 > new.key)
  $ gatehouse secret rotate --new-key-file new.key
  $ GATEHOUSE_MASTER_KEY_FILE=new.key gatehouse serve
  $ GATEHOUSE_MASTER_KEY_FILE=new.key GATEHOUSE_OTHER_MASTER_KEY_FILE=old.key gatehouse secret rotate --online
`;

/** `gatehouse secret rotate`: everything sealed is sealed anew under another master key. */
export function secretCommand(program: Command, readConfig: () => Config): void {
  program
    .command('secret')
    .description('the master key')
    .command('rotate')
    .description('seal every secret in the database under a new master key')
    .option('--new-key-file <file>', 'the new key: 32 bytes in base64')
    .option('--online', 'while nodes serve that have both keys')
    .addHelpText('after', examples)
    .action(async ({ newKeyFile, online }: { readonly newKeyFile?: string; readonly online?: true }) => {
      if ((newKeyFile === undefined) === (online === undefined)) return complain('Give either --new-key-file or --online.', exitCodes.usage);
      const rotated = newKeyFile === undefined ? await rotateServing(readConfig()) : await rotate(readConfig(), newKeyFile);
      if (rotated.ok) for (const line of rotated.value) say(line);
      else complain(rotated.error.message, rotated.error.exitCode);
    });
}

async function rotate(config: Config, newKeyFile: string): Promise<Result<readonly string[], StartFault>> {
  const newKey = readKey(newKeyFile);
  if (!newKey.ok) return newKey;
  const options = await storeOptions(config, `rotate-${process.pid}`);
  if (!options.ok) return options;
  const { rotateMasterKey } = await import('../store/rotate.js');
  const rotated = await rotateMasterKey(options.value, newKey.value, sayStep);
  if (rotated.ok) return ok([`${rotated.value} values are sealed under the new master key.`, ...(await installed(config, newKey.value, newKeyFile))]);
  if (rotated.error.kind === 'wrong-master-key' && (await isDone(config, newKey.value))) {
    return ok(['The database is sealed under the new master key already.', ...(await installed(config, newKey.value, newKeyFile))]);
  }
  return fail(faultOf(rotated.error));
}

async function rotateServing(config: Config): Promise<Result<readonly string[], StartFault>> {
  const other = config.otherMasterKey?.reveal();
  if (other === undefined) {
    const message = 'GATEHOUSE_OTHER_MASTER_KEY is not set: it is the old key, as which every node has it too, and GATEHOUSE_MASTER_KEY the new one.';
    return fail({ message, exitCode: exitCodes.usage });
  }
  const options = await storeOptions(config, `rotate-${process.pid}`);
  if (!options.ok) return options;
  const { rotateOnline } = await import('../store/rotate.js');
  const rotated = await rotateOnline(options.value, other, sayStep);
  const next = 'Take GATEHOUSE_OTHER_MASTER_KEY from the settings of every node and restart them one after the other.';
  if (rotated.ok) return ok([`${rotated.value} values are sealed under the new master key.`, next]);
  if (rotated.error.kind === 'same-key') return ok(['The database is sealed under the new master key already.', next]);
  if (rotated.error.kind !== 'in-use') return fail(faultOf(rotated.error));
  const message = `Other Gatehouse processes have ${rotated.error.others} connections to this database and do not seal under the new key yet. Restart every node with the new key as GATEHOUSE_MASTER_KEY and the old one as GATEHOUSE_OTHER_MASTER_KEY.`;
  return fail({ message, exitCode: exitCodes.tryAgain });
}

const sayStep = (table: string, resealed: number): void => {
  if (resealed > 0) say(`${table}: ${resealed}`);
};

function readKey(file: string): Result<Buffer, StartFault> {
  try {
    const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
    if (key.length === 32) return ok(key);
    return fail({ message: `${file} does not hold 32 bytes in base64. Make it with "openssl rand -base64 32".`, exitCode: exitCodes.usage });
  } catch (error) {
    return fail({ message: `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`, exitCode: exitCodes.usage });
  }
}

/** Where the key is our own file, we put the new one there; else the operator does. */
async function installed(config: Config, newKey: Buffer, newKeyFile: string): Promise<readonly string[]> {
  if (config.masterKey !== undefined) return [`Start every node with the key of ${newKeyFile} from now on (GATEHOUSE_MASTER_KEY_FILE).`];
  await replaceDevMasterKey(config.dataDir, newKey);
  return [`${config.dataDir}/master.key holds the new key.`];
}

/** An earlier run was finished and its key not yet put in its place: the new key opens the database. */
async function isDone(config: Config, newKey: Buffer): Promise<boolean> {
  const options = await storeOptions(config, `rotate-${process.pid}`);
  if (!options.ok) return false;
  const { rotateMasterKey } = await import('../store/rotate.js');
  const again = await rotateMasterKey({ ...options.value, masterKey: newKey }, newKey, () => undefined);
  return !again.ok && again.error.kind === 'same-key';
}

function faultOf(fault: StoreFault | RotationFault): StartFault {
  switch (fault.kind) {
    case 'in-use':
      return { message: `Other Gatehouse processes have ${fault.others} connections to this database. Stop every node first.`, exitCode: exitCodes.tryAgain };
    case 'same-key':
      return { message: 'The new master key is the present one.', exitCode: exitCodes.usage };
    case 'other-rotation':
      return { message: 'A change to another master key was begun and not finished. Run this with the key of that one.', exitCode: exitCodes.usage };
    case 'first-start-unfinished':
      return { message: 'The first start of this installation was cut off. Start the server once, then run this again.', exitCode: exitCodes.failed };
    case 'left':
      return {
        message: `${fault.rows} values in ${fault.column} are still sealed under the old master key, and this version cannot seal them anew. Keep both keys and report this.`,
        exitCode: exitCodes.failed,
      };
    default:
      return { message: describeStoreFault(fault), exitCode: storeExitCodes[fault.kind] };
  }
}
