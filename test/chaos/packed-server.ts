/** Runs the packed server, with the code that the first node to live long enough had compiled. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { join } from 'node:path';
import { constants, Script } from 'node:vm';
import { packedName } from './packed.js';

type Wrapped = (exports: unknown, require: NodeJS.Require, module: unknown, filename: string, dirname: string) => void;

const filename = join(import.meta.dirname, packedName);
const compiledFile = `${filename}.compiled`;
const cachedData = existsSync(compiledFile) ? readFileSync(compiledFile) : undefined;
const script = new Script(Module.wrap(readFileSync(filename, 'utf8')), {
  filename,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  ...(cachedData === undefined ? {} : { cachedData }),
});

/** By then the functions that a start needs have been called. */
const warmMs = 1_500;

function keepCompiled(): void {
  const own = `${compiledFile}.${process.pid}`;
  writeFileSync(own, script.createCachedData());
  renameSync(own, compiledFile);
}

if (cachedData === undefined) setTimeout(keepCompiled, warmMs).unref();
const module = { exports: {} };
(script.runInThisContext() as Wrapped)(module.exports, createRequire(filename), module, filename, import.meta.dirname);
