import type { Command } from 'commander';
import type { Config } from '../config.js';
import { auditExportCommand } from './audit-export.js';
import { auditVerifyCommand } from './audit-verify.js';

/** `gatehouse audit`: the audit trail, its export and its verification. */
export function auditCommand(program: Command, readConfig: () => Config): void {
  const audit = program.command('audit').description('the audit trail');
  auditVerifyCommand(audit, readConfig);
  auditExportCommand(audit, readConfig);
}
