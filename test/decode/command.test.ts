import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openBench } from '../support/openssl.js';
import { program } from '../support/program.js';
import { type Ran, run } from '../support/run.js';

t.setTimeout(180_000);

const root = fileURLToPath(new URL('../..', import.meta.url));

const decode = (args: readonly string[], input?: string | Buffer): Promise<Ran> =>
  run(process.execPath, [...program, 'decode', ...args], { cwd: root, ...(input !== undefined && { input }) });

/** The console blocks of the manual: a command and what it prints. */
function examplesOf(text: string): readonly { readonly command: string; readonly output: string }[] {
  return [...text.matchAll(/```console\n\$ ([^\n]+)\n([\s\S]*?)```/g)].map(([, command = '', output = '']) => ({ command, output }));
}

t.test('the manual shows what the command really prints', async (t) => {
  const examples = examplesOf(readFileSync(`${root}docs/decoding.md`, 'utf8'));
  t.equal(examples.length, 3);
  const gatehouse = [process.execPath, ...program].map((part) => `'${part}'`).join(' ');
  for (const { command, output } of examples) {
    const ran = await run('bash', ['-c', `gatehouse() { ${gatehouse} "$@"; }\n${command}`], { cwd: root });
    t.equal(ran.stdout, output, command);
    t.equal(ran.code, output.includes('[FAILED]') ? 1 : 0, command);
    t.equal(ran.stderr.replace(/^npm warn.*\n/gm, ''), '');
  }
});

t.test('standard input, text forms and JSON', async (t) => {
  const bytes = readFileSync(`${root}fixtures/cmp/mock-error.der`);
  const ran = await decode(['-', '--json'], `${bytes.toString('hex')}\n`);
  t.equal(ran.code, 0, ran.output);
  t.match(JSON.parse(ran.stdout), { kind: 'cmp', verdict: 'unknown', fields: [{ name: 'size', value: '308 bytes of DER' }] });
  t.notMatch(ran.stdout, '\u001b', 'no colours where nobody looks');
});

t.test('a wrong secret from a file fails the check, and is not repeated', async (t) => {
  const bench = openBench();
  t.teardown(() => bench.remove());
  bench.write('secret', 'not-the-secret-4711\n');
  const ran = await decode(['fixtures/cmp/mock-error.der', '--secret-file', bench.file('secret')]);
  t.equal(ran.code, 1, ran.output);
  t.match(ran.stdout, /protection: MAC of 20 bytes, wrong for the secret given \[FAILED\]/);
  t.notMatch(ran.stdout + ran.stderr, /4711/);
});

t.test('wrong uses end with 64 and a sentence', async (t) => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['/nonexistent'], /cannot be read: ENOENT/],
    [['fixtures/scep/ra.key.pem'], /private key, which is not for showing/],
    [['fixtures/cmp/mock-error.der', '--key', 'fixtures/scep/ra.key.pem'], /belong together/],
  ];
  for (const [args, says] of wrong) {
    const ran = await decode(args);
    t.equal(ran.code, 64, ran.output);
    t.match(ran.stderr, says);
    t.equal(ran.stdout, '');
  }
});
