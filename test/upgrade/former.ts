/** The version before this one, taken from the history of the project and compiled, so that its nodes can be run. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Former {
  /** As it was asked for: a tag or a commit. */
  readonly ref: string;
  /** The program of that version: what `bin/gatehouse.js` starts. */
  readonly main: string;
  remove(): void;
}

function git(root: string, ...args: readonly string[]): string | undefined {
  try {
    return execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/**
 * What nodes are upgraded from: the newest release (a tag `v...`), or while there is none the commit before the last step was added to the schema,
 * which is the version that is furthest from this one and must still work beside it. undefined where the history does not reach so far.
 */
export function formerRef(root: string): string | undefined {
  const tag = git(root, 'describe', '--tags', '--abbrev=0', '--match', 'v*', 'HEAD');
  if (tag !== undefined && tag !== '') return tag;
  const lastStep = git(root, 'rev-list', '-1', 'HEAD', '--', 'migrations/index.ts');
  return lastStep === undefined || lastStep === '' ? undefined : git(root, 'rev-parse', '--verify', '--short', '--quiet', `${lastStep}^`);
}

/** Exports and compiles `ref`. It runs with the packages that are installed now. Throws where `ref` is no commit of `root`. */
export function buildFormer(root: string, ref: string): Former {
  const source = mkdtempSync(join(tmpdir(), 'gatehouse-former-'));
  const packages = realpathSync(join(root, 'node_modules'));
  const built = join(packages, '.cache', `gatehouse-former-${process.pid}`);
  const remove = () => {
    process.removeListener('exit', remove);
    for (const directory of [source, built]) rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', remove);
  const archive = join(source, 'former.tar');
  execFileSync('git', ['-C', root, 'archive', '--format=tar', '--output', archive, ref, 'src', 'migrations', 'tsconfig.json', 'package.json']);
  execFileSync('tar', ['-xf', archive, '-C', source]);
  symlinkSync(packages, join(source, 'node_modules'));
  compile(root, source, built);
  return { ref, main: join(built, 'src/main.js'), remove };
}

/** Its types were checked in its own time; here its code is wanted. */
function compile(root: string, source: string, built: string): void {
  mkdirSync(built, { recursive: true });
  const compiler = join(dirname(createRequire(join(root, 'package.json')).resolve('typescript/package.json')), 'bin/tsc');
  const options = ['--noEmit', 'false', '--noCheck', '--sourceMap', 'false', '--outDir', built, '--rootDir', source];
  spawnSync(process.execPath, [compiler, '-p', join(source, 'tsconfig.json'), ...options], { stdio: 'ignore', cwd: source });
  writeFileSync(join(built, 'package.json'), '{ "type": "module", "version": "0.0.0-former" }\n');
}
