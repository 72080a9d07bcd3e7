// Runs after `npm ci`: builds what can be built with what is installed, and says in one line what it left out.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

function binary(name, file) {
  try {
    return join(dirname(require.resolve(`${name}/package.json`)), file);
  } catch {
    return undefined;
  }
}

function say(line) {
  process.stdout.write(`prepare: ${line}\n`);
}

function run(what, file, args) {
  const started = Date.now();
  const { status } = spawnSync(process.execPath, [file, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    say(`${what} failed`);
    process.exit(1);
  }
  say(`${what} built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

function buildServer() {
  const tsc = binary('typescript', 'bin/tsc');
  if (tsc === undefined) return say('typescript is not installed (production install): the server is not built here, dist/ is used as it is');
  rmSync(join(root, 'dist/src'), { recursive: true, force: true });
  rmSync(join(root, 'dist/migrations'), { recursive: true, force: true });
  run('server', tsc, ['-p', 'tsconfig.build.json']);
}

/** Slow to make and always the same: a first start copies it. */
function buildEmptyDatabase() {
  run('empty database', join(root, 'scripts/empty-database.mjs'), [join(root, 'dist/empty-database')]);
}

function buildConsole() {
  if (!existsSync(join(root, 'src/console/vite.config.ts'))) return;
  const vite = binary('vite', 'bin/vite.js');
  if (vite === undefined) return say('vite is not installed: the console is not built here');
  run('console', vite, ['build', 'src/console']);
}

/** tap's plugin list lives in .taprc; building it once saves half a second in every test process. */
function buildTestRunner() {
  const tap = binary('tap', 'dist/esm/run.mjs');
  if (tap !== undefined) spawnSync(process.execPath, [tap, 'build'], { cwd: root, stdio: 'ignore' });
}

buildServer();
buildEmptyDatabase();
buildConsole();
buildTestRunner();
