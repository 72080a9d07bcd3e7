// Makes the files of an empty embedded database, from which a first start begins. Argument: the directory to make.
import { renameSync, rmSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';

const directory = process.argv[2];
const unfinished = `${directory}.new`;
for (const old of [unfinished, directory]) rmSync(old, { recursive: true, force: true });
const database = await PGlite.create(unfinished);
await database.exec('checkpoint');
await database.close();
rmSync(`${unfinished}/postmaster.pid`, { force: true });
renameSync(unfinished, directory);
// PGlite may keep the process alive.
process.exit(0);
