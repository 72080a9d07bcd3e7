import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { scepSnippets } from '../../src/admin/snippets/scep.js';
import { Secret } from '../../src/runtime/secret.js';
import { deriveChallenge, isDerived, namedExpiry } from '../../src/tenancy/derived-challenge.js';

const profileId = '0192f0c1-2345-7000-8000-000000000001';
const secret = 'a secret of thirty-two characters: ü';
const source = { profileId, secret: new Secret(secret), identity: 'Gerät 1' };
const manual = readFileSync(new URL('../../docs/scep-challenges.md', import.meta.url), 'utf8');

/** The code of the manual, by its language and what it begins with. */
function codeOf(language: string, begins: string): string {
  const blocks = [...manual.matchAll(/```(\w+)\n([\s\S]*?)```/g)].filter(([, lang, text = '']) => lang === language && text.startsWith(begins));
  if (blocks.length !== 1) throw new Error(`${blocks.length} blocks of ${language} begin with ${begins}`);
  return blocks[0]?.[2] ?? '';
}

function output(command: string, args: readonly string[]): string {
  const env = { PATH: process.env.PATH ?? '', PROFILE: profileId, SECRET: secret, DEVICE: source.identity, LC_ALL: 'C.UTF-8' };
  const ran = spawnSync(command, args, { env, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return ran.stdout.trim();
}

t.test('SCEP-101 what the manual and the snippet compute is what the server derives', async (t) => {
  const snippet = scepSnippets({ name: 'x', url: 'http://devices.example/scep/x', profileId, challengeMode: 'hmac' }).find(
    ({ client }) => client === 'hmac-challenge',
  );
  for (const [name, made] of [
    ['the shell of the manual', () => output('/bin/bash', ['-euc', codeOf('sh', 'derive()')])],
    ['the snippet', () => output('/bin/sh', ['-euc', snippet?.text ?? 'false'])],
    [
      'the Python of the manual',
      () =>
        output('python3', [
          '-c',
          `${codeOf('python', 'import base64')}\nimport os\nprint(derive(os.environ["PROFILE"], os.environ["SECRET"], os.environ["DEVICE"]))`,
        ]),
    ],
  ] as const) {
    const challenge = made();
    t.match(challenge, /^\d{6}[A-Z2-7]{26}$/, name);
    t.ok(isDerived(challenge, source), name);
    const ahead = (namedExpiry(challenge)?.getTime() ?? 0) - Date.now();
    t.ok(ahead > 22 * 3_600_000 && ahead <= 24 * 3_600_000, `${name}: good for a day`);
  }
});

t.test('the formula does not change', async (t) => {
  const until = new Date('2026-03-02T00:30:00Z');
  t.same(deriveChallenge(source, until), {
    challenge: deriveChallenge(source, new Date('2026-03-02T01:00:00Z')).challenge,
    expiresAt: new Date('2026-03-02T01:00:00Z'),
  });
  const fixed = deriveChallenge({ profileId, secret: new Secret('x'.repeat(32)), identity: 'device-1' }, until);
  t.equal(fixed.challenge, '492337STWXDFQISGAUMIBEHI4ZB3YSQF');
  t.ok(isDerived(fixed.challenge, { profileId, secret: new Secret('x'.repeat(32)), identity: 'device-1' }));
});

t.test('nothing else is a derived challenge', async (t) => {
  const { challenge } = deriveChallenge(source, new Date('2026-03-02T00:30:00Z'));
  for (const other of [
    challenge.toLowerCase(),
    challenge.slice(1),
    `${challenge} `,
    `0${challenge}`,
    challenge.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    '',
    'static',
  ]) {
    t.notOk(isDerived(other, source), other);
  }
  for (const identity of ['Gerät 2', 'gerät 1', 'Gerät 1 ', '']) t.notOk(isDerived(challenge, { ...source, identity }), identity);
  t.equal(namedExpiry('static'), undefined);
});
