/** The commands beside `serve`, one file each. */
import type { Command } from 'commander';
import type { ConfigFault } from '../config/faults-across.js';
import type { Config } from '../config.js';
import type { Result } from '../runtime/result.js';
import { auditCommand } from './audit.js';
import { caCommand } from './ca.js';
import { cmpGenmCommand } from './cmp-genm.js';
import { cmpRrCommand } from './cmp-rr.js';
import { decodeCommand } from './decode.js';
import { doctorCommand } from './doctor.js';
import { enrolCmpCommand } from './enrol-cmp.js';
import { enrolScepCommand } from './enrol-scep.js';
import { migrateCommand } from './migrate.js';
import { reportCommand } from './report.js';
import { secretCommand } from './secret.js';
import { tokenCommand } from './token.js';

export interface Settings {
  /** The configuration; ends the process with every fault listed when there is one. */
  readConfig(): Config;
  /** The same, for commands that tell about faults themselves. */
  parseSettings(): Result<Config, readonly ConfigFault[]>;
}

export function addCommands(program: Command, { readConfig, parseSettings }: Settings): void {
  migrateCommand(program, readConfig);
  doctorCommand(program, parseSettings);
  tokenCommand(program, readConfig);
  secretCommand(program, readConfig);
  auditCommand(program, readConfig);
  reportCommand(program, readConfig);
  caCommand(program, readConfig);
  decodeCommand(program);
  const cmp = program.command('cmp').description('what else a device says over CMP (RFC 9810): revoke, ask');
  cmpRrCommand(cmp);
  cmpGenmCommand(cmp);
  const enrol = program.command('enrol').description('enrol a device against any server, for smoke tests');
  enrolScepCommand(enrol);
  enrolCmpCommand(enrol);
}
