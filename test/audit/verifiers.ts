import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CheckpointKey, keyText } from '../../src/audit/checkpoint.js';
import { verifyExport } from '../../src/audit/verify-export.js';
import { run } from '../support/run.js';

export function hasPython(): boolean {
  return spawnSync('python3', ['-c', 'import sys; assert sys.version_info >= (3, 9)']).status === 0;
}

export interface Evidence {
  readonly key: CheckpointKey;
  readonly kept: readonly string[];
}

/** `sound <events> <checkpoints>`, or `fault <kind> line <line> after <seq>`: what both verifiers say in the same words. */
export async function ourVerdict(lines: readonly string[], { key, kept }: Evidence): Promise<string> {
  const { events, checkpoints, fault } = await verifyExport(lines, key, kept);
  return fault === undefined ? `sound ${events} ${checkpoints}` : `fault ${fault.kind} line ${fault.line} after ${fault.seq}`;
}

/** The verifier in Python over many exports at once. */
export async function theirVerdicts(exports: readonly (readonly string[])[], { key, kept }: Evidence): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-audit-'));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  try {
    const keyFile = write('key', `${keyText(key)}\n`);
    const keptFiles = kept.flatMap((note, at) => ['--kept', write(`${at}.checkpoint`, note)]);
    const files = exports.map((lines, at) => write(`${at}.jsonl`, lines.map((line) => `${line}\n`).join('')));
    const script = join(import.meta.dirname, '../audit-verifier/verify.py');
    const ran = await run('python3', [script, '--key', keyFile, ...keptFiles, ...files], { timeoutMs: 600_000 });
    if (ran.stderr !== '') throw new Error(ran.output);
    return ran.stdout.trimEnd().split('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
