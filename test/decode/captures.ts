import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DecodeKeys, type DecryptionKey, decryptionKey, readInput } from '../../src/decode/index.js';
import { fromPem, parseCertificate } from '../../src/pkix/index.js';
import { Secret } from '../../src/runtime/secret.js';

export const fixtures = join(import.meta.dirname, '../../fixtures');

/** A committed message with what opens it and the secrets that no output may show. */
export interface CaptureFixture {
  /** Also the name of its golden file. */
  readonly name: string;
  readonly bytes: Buffer;
  readonly keys: DecodeKeys;
  readonly secrets: readonly string[];
}

const read = (path: string): Buffer => readFileSync(join(fixtures, path));
const readJson = (path: string): Record<string, unknown> => JSON.parse(read(path).toString('utf8')) as Record<string, unknown>;

export function keyOf(folder: string, name: string, certificate = `${name}.crt.pem`): DecryptionKey {
  const parsed = parseCertificate(fromPem('CERTIFICATE', read(`${folder}/${certificate}`).toString('latin1'))[0] ?? Buffer.alloc(0));
  const key = parsed.ok ? decryptionKey(createPrivateKey(read(`${folder}/${name}.key.pem`)), parsed.value) : parsed;
  if (!key.ok) throw new Error(String(key.error));
  return key.value;
}

/** Recorded and made messages of fixtures/scep: a body beside the note, or in the query of a GET. */
function scepCaptures(): CaptureFixture[] {
  const keys = { decryption: [keyOf('scep', 'ra', 'ra.pem')], tellsOfContent: true };
  return readdirSync(join(fixtures, 'scep'))
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const { body, request, expected } = readJson(`scep/${file}`) as {
        body?: string;
        request?: { query?: string };
        expected?: { challenge?: string };
      };
      const input = readInput(body === undefined ? Buffer.from(`?${request?.query ?? ''}`) : read(`scep/${body}`));
      if (!input.ok) throw new Error(`${file}: ${input.error}`);
      const { challenge } = expected ?? {};
      return { name: `scep-${file.replace('.json', '')}`, bytes: input.value.bytes, keys, secrets: challenge === undefined ? [] : [challenge] };
    });
}

function cmpCaptures(): CaptureFixture[] {
  return readdirSync(join(fixtures, 'cmp'))
    .filter((file) => file.endsWith('.der'))
    .map((file) => {
      const { secret } = readJson(`cmp/${file.replace('.der', '.json')}`) as { secret?: string };
      return {
        name: `cmp-${file.replace('.der', '')}`,
        bytes: read(`cmp/${file}`),
        keys: secret === undefined ? {} : { secret: new Secret(secret) },
        secrets: secret === undefined ? [] : [secret],
      };
    });
}

/** The made ones of fixtures/fuzz: what the recorded ones lack, answers and lists among it. */
function madeCaptures(): CaptureFixture[] {
  const { challenge, secret } = readJson('../test/fuzz/secrets.json') as { challenge: string; secret: string };
  const keys = { decryption: [keyOf('fuzz', 'ra'), keyOf('fuzz', 'device')], secret: new Secret(secret), tellsOfContent: true };
  return readdirSync(join(fixtures, 'fuzz'))
    .filter((file) => file.endsWith('.der') && !file.includes('.data.'))
    .map((file) => ({ name: `made-${file.replace('.der', '')}`, bytes: read(`fuzz/${file}`), keys, secrets: [challenge, secret] }));
}

export const captures: readonly CaptureFixture[] = [...scepCaptures(), ...cmpCaptures(), ...madeCaptures()];
