import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { lineOf } from '../chaos/phases.js';
import { buildFormer, formerRef } from './former.js';

t.setTimeout(300_000);

/** A directory outside of this project, whose own history must not be found. */
function emptyRoot(t: Test): string {
  const root = mkdtempSync(join(tmpdir(), 'gatehouse-upgrade-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

/** A project whose second commit adds a step to the schema and whose third does not. */
function projectIn(root: string): readonly string[] {
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', root, '-c', 'user.name=x', '-c', 'user.email=x@x', ...args], { encoding: 'utf8' }).trim();
  const commit = (files: Readonly<Record<string, string>>): string => {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(join(root, file, '..'), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    git('add', '.');
    git('commit', '-q', '-m', 'x');
    return git('rev-parse', '--short', 'HEAD');
  };
  git('init', '-q');
  const program = { 'tsconfig.json': '{"compilerOptions":{"module":"nodenext","target":"es2023"},"include":["src"]}', 'package.json': '{"type":"module"}' };
  return [
    commit({
      ...program,
      '.gitignore': 'node_modules',
      'migrations/index.ts': 'export const steps = 1;',
      'src/main.ts': 'const version: string = "one"; console.log(version);',
    }),
    commit({ 'migrations/index.ts': 'export const steps = 2;' }),
    commit({ 'src/main.ts': 'console.log("three");' }),
  ];
}

t.test('the version before is the newest release, else the one before the last step of the schema', async (t) => {
  const root = emptyRoot(t);
  t.equal(formerRef(root), undefined, 'there is no history');
  const [first, second] = projectIn(root);
  t.equal(formerRef(root), first);
  execFileSync('git', ['-C', root, 'tag', 'v1.0.0', second ?? '']);
  execFileSync('git', ['-C', root, 'tag', 'other']);
  t.equal(formerRef(root), 'v1.0.0');
});

t.test('the version before is run as it was, with the packages of today', async (t) => {
  const root = emptyRoot(t);
  const [first] = projectIn(root);
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(root, 'node_modules'));
  const former = buildFormer(root, first ?? '');
  t.equal(execFileSync(process.execPath, [former.main], { encoding: 'utf8' }), 'one\n');
  t.match(readFileSync(former.main, 'utf8'), 'version');
  former.remove();
  t.notOk(existsSync(former.main));
  t.throws(() => buildFormer(root, 'no-such-version'));
});

t.test('a phase tells what devices met', async (t) => {
  t.match(lineOf({ name: 'before', enrolled: 60, seconds: 1.25, askedToComeAgain: 2 }), /before +60 enrolled in +1\.3 s, 2 answers 503/);
});
