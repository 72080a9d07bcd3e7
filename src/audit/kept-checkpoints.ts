import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { KeptCheckpoint } from './chain.js';

/** A folder outside the database, one file per checkpoint: `000000000012345.checkpoint`. */
export interface CheckpointFolder {
  /** Sizes, ascending. */
  sizes(): readonly number[];
  read(size: number): string;
  /** Written to the disk under another name first: a reader never finds half of one. */
  keep(checkpoint: KeptCheckpoint): void;
}

const nameForm = /^(\d{15})\.checkpoint$/;
const nameOf = (size: number): string => `${String(size).padStart(15, '0')}.checkpoint`;

/** Makes the folder where it is missing; throws where it cannot be used. */
export function checkpointFolder(path: string): CheckpointFolder {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return {
    sizes: () =>
      readdirSync(path)
        .flatMap((name) => nameForm.exec(name)?.[1] ?? [])
        .map(Number)
        .sort((left, right) => left - right),
    read: (size) => readFileSync(join(path, nameOf(size)), 'utf8'),
    keep({ size, note }) {
      const aside = join(path, `.${nameOf(size)}.${process.pid}`);
      const file = openSync(aside, 'w', 0o644);
      try {
        writeSync(file, note);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(aside, join(path, nameOf(size)));
    },
  };
}
