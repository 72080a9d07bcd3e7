/** The whole tree compiled by the compiler of the build: tsx keeps function names at a price that a hot path shows. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const isCompiled = !import.meta.url.endsWith('.ts');
/** The directory that holds `src` and `test` of the running code. */
export const tree = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles the tree into the package cache and gives the new tree; types are not checked here. The end of this process removes it. */
function compileTree(): string {
  const directory = join(tree, 'node_modules/.cache', `gatehouse-measured-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const options = ['--noEmit', 'false', '--noCheck', '--sourceMap', 'false', '--outDir', directory, '--rootDir', tree];
  // Its status is not asked for: a fault in a file that nothing here loads is no reason not to measure.
  spawnSync(process.execPath, [compiler, '-p', join(tree, 'tsconfig.json'), ...options], { stdio: 'inherit', cwd: tree });
  writeFileSync(join(directory, 'package.json'), '{ "type": "module", "version": "0.0.0-measured" }\n');
  return directory;
}

/**
 * Runs `entry` (`test/bench/run`) compiled, with this process' arguments and streams, and ends with its exit code. Returns when
 * the running code is compiled already.
 */
export async function runCompiled(entry: string): Promise<void> {
  if (isCompiled) return;
  const child = spawn(process.execPath, [join(compileTree(), `${entry}.js`), ...process.argv.slice(2)], { stdio: 'inherit' });
  const code = await new Promise<number>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
    child.once('exit', (status) => resolve(status ?? 1));
  });
  process.exit(code);
}
