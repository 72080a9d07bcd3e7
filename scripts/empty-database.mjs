// Makes the files of an empty embedded database, from which a first start begins. Argument: the directory to make.
import { chmodSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';

const directory = process.argv[2];
const unfinished = `${directory}.new`;
for (const old of [unfinished, directory]) rmSync(old, { recursive: true, force: true });
const database = await PGlite.create(unfinished);
await database.exec('checkpoint');
await database.close();
rmSync(`${unfinished}/postmaster.pid`, { force: true });
// It holds nothing of anybody's: whoever starts the program copies it, and may be another user than the one that built it.
chmodSync(unfinished, 0o755);
for (const entry of readdirSync(unfinished, { recursive: true, withFileTypes: true })) {
  chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}
renameSync(unfinished, directory);
// PGlite may keep the process alive.
process.exit(0);
