// `npm test`: types, style, a build, then every test file. Arguments are test files or folders; without any, all of test/.
// With GATEHOUSE_TEST_AGAIN=1, for machines that are shared: what failed beside others runs once more, alone, and is named at the end.
// The last line says how many checks passed and failed; the exit code agrees with it.
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installCommand, missingClients } from '../test/support/clients.ts';
import { readTap } from './tap-stream.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const started = Date.now();

function say(line) {
  process.stdout.write(`${line}\n`);
}

function packageFile(name, file) {
  return join(dirname(require.resolve(`${name}/package.json`)), file);
}

/** Runs a checker to its end; true when it found nothing. Its output is shown only when it did. */
async function check(name, file, args) {
  const began = Date.now();
  const child = spawn(process.execPath, [file, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) process.stdout.write(Buffer.concat(output));
  say(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  return code === 0;
}

function testFiles(path) {
  const full = join(root, path);
  if (!statSync(full).isDirectory()) return [relative(root, full)];
  return readdirSync(full, { recursive: true })
    .map((name) => join(path, name))
    .filter((name) => name.endsWith('.test.ts'))
    .sort();
}

async function runTap(files, options = []) {
  // Without files tap would go and look for some by itself.
  if (files.length === 0) return { passed: 0, failed: 1, failedFiles: [], skips: new Map(), isComplete: false };
  const args = [packageFile('tap', 'dist/esm/run.mjs'), 'run', '--reporter=tap', '--disable-coverage', ...options, ...files];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const result = await readTap(child.stdout, say);
  const code = await closed;
  if (code !== 0 && result.failed === 0) {
    say(`FAILED the test runner ended with code ${code}${result.isComplete ? '' : ' before it was done'}`);
    result.failed = 1;
  }
  return result;
}

/** More than these are no accident of a crowded machine. */
const mostUnsteadyFiles = 4;

/** What failed beside other tests has a second attempt by itself; a file that fails again has failed. */
async function runAgain(first) {
  const { failedFiles } = first;
  if (process.env.GATEHOUSE_TEST_AGAIN !== '1' || !first.isComplete || failedFiles.length === 0 || failedFiles.length > mostUnsteadyFiles) return first;
  say(`once more, one after the other: ${failedFiles.join(', ')}`);
  const second = await runTap(failedFiles, ['--jobs=1']);
  const unsteady = failedFiles.filter((file) => !second.failedFiles.includes(file));
  for (const file of unsteady) say(`UNSTEADY ${file}: failed beside other tests, passed alone`);
  return { ...first, passed: first.passed + Math.max(0, first.failed - second.failed), failed: second.failed, isComplete: second.isComplete };
}

function reportLeftOut(skips) {
  for (const [reason, count] of skips) say(`left out: ${count} ${count === 1 ? 'test' : 'tests'}: ${reason || 'no reason given'}`);
  const missing = missingClients();
  if (missing.length > 0) say(`To run the journeys of ${missing.join(', ')} too: ${installCommand(missing)}`);
  else say('All real clients are installed: no journey was left out for want of one.');
  const url = process.env.TEST_DATABASE_URL;
  say(
    url
      ? 'PostgreSQL was tested (TEST_DATABASE_URL).'
      : 'PostgreSQL was not tested: set TEST_DATABASE_URL to a database server on which databases may be made.',
  );
}

/** Types, style and, where the types are right, a build: journeys start the program dozens of times, and what is built starts three times as fast. */
async function checkAndBuild() {
  const checks = await Promise.all([
    check('types', packageFile('typescript', 'bin/tsc'), ['-p', '.']),
    check('types of the console', packageFile('typescript', 'bin/tsc'), ['-p', 'src/console']),
    check('style', packageFile('@biomejs/biome', 'bin/biome'), ['check']),
  ]);
  if (!checks[0]) return checks;
  const builds = [
    await check('build', packageFile('typescript', 'bin/tsc'), ['-p', 'tsconfig.build.json']),
    await check('build of the console', packageFile('vite', 'bin/vite.js'), ['build', 'src/console']),
  ];
  if (builds.every(Boolean)) process.env.GATEHOUSE_TEST_BUILT = '1';
  return checks;
}

const paths = process.argv.slice(2);
const files = (paths.length === 0 ? ['test'] : paths).flatMap(testFiles);
// Whoever has just checked and built this tree says so.
const checks = process.env.GATEHOUSE_TEST_BUILT === '1' ? [] : await checkAndBuild();
say(files.length === 0 ? 'FAILED no test file was found there' : `${files.length} test files`);
const tap = await runAgain(await runTap(files));
reportLeftOut(tap.skips);
const passed = tap.passed + checks.filter(Boolean).length;
const failed = tap.failed + checks.filter((isGood) => !isGood).length;
say(`Done in ${((Date.now() - started) / 1000).toFixed(0)} s.`);
say(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && tap.isComplete ? 0 : 1;
