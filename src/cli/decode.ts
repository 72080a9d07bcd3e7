import { closeSync, openSync, readSync } from 'node:fs';
import type { Command } from 'commander';
import { type DecodeKeys, type DecryptionKey, decodeCapture, decryptionKey, maxInputBytes, readInput, renderText, verdictOf } from '../decode/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { Secret } from '../runtime/secret.js';
import { readCertificates, readKey, readSecret } from './device-files.js';
import { complain, exitCodes } from './terminal.js';

interface Options {
  readonly key?: string;
  readonly cert?: string;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly json?: boolean;
}

const examples = `
FILE is binary, PEM, base64, hexadecimal, or a line of an access log with ?operation=PKIOperation&message=...; - is standard input.
What is encrypted stays closed without the recipient's key. Challenges and secrets are never shown, only that they are there.
Exit code 0 when it could be read and nothing in it failed, 1 when something did, 64 for wrong options.

Examples:
  $ gatehouse decode request.der
  $ gatehouse decode request.der --key ra.key --cert ra.pem
  $ gatehouse decode ir.der --secret-file secret.txt
  $ grep message= access.log | tail -1 | gatehouse decode - --json
`;

/** `gatehouse decode`: what a captured SCEP or CMP message says, and what is wrong with it. */
export function decodeCommand(program: Command): void {
  program
    .command('decode')
    .description('show a captured SCEP or CMP message (also a request, certificate or CRL) field by field, with the verdict of every check')
    .argument('<file>', 'the message, or - for standard input')
    .option('--key <file>', 'private RSA key (PEM) of the recipient, to open the inner part of a SCEP message')
    .option('--cert <file>', 'the certificate (PEM) it was encrypted for')
    .option('--secret <text>', 'the shared secret of a CMP message, to check its MAC')
    .option('--secret-file <file>', 'a file whose first line is the shared secret')
    .option('--json', 'the fields as JSON')
    .addHelpText('after', examples)
    .action(async (file: string, options: Options) => {
      const done = await decodeFile(file, options);
      if (!done.ok) complain(done.error, exitCodes.usage);
    });
}

async function decodeFile(file: string, options: Options): Promise<Result<true, string>> {
  const keys = keysOf(options);
  if (!keys.ok) return keys;
  const content = readBounded(file);
  if (!content.ok) return content;
  const input = readInput(content.value);
  if (!input.ok) return fail(`${file === '-' ? 'Standard input' : file}: ${input.error}`);
  const capture = await decodeCapture(input.value.bytes, keys.value);
  const verdict = verdictOf(capture);
  const text =
    options.json === true
      ? `${JSON.stringify({ kind: capture.kind, verdict, fields: capture.fields }, null, 2)}\n`
      : renderText(capture, process.stdout.isTTY && process.stdout.hasColors());
  process.stdout.write(text);
  if (verdict === 'failed') process.exitCode = exitCodes.failed;
  return ok(true);
}

/** The file's holder holds the key: what is malformed inside may be told. */
function keysOf(options: Options): Result<DecodeKeys, string> {
  const secret = readSecret(options.secret, options.secretFile);
  if (!secret.ok) return secret;
  const key = recipientKey(options);
  if (!key.ok) return key;
  return ok({ ...(key.value && { decryption: [key.value], tellsOfContent: true }), ...(secret.value !== undefined && { secret: new Secret(secret.value) }) });
}

function recipientKey({ key, cert }: Options): Result<DecryptionKey | undefined, string> {
  if (key === undefined && cert === undefined) return ok(undefined);
  if (key === undefined || cert === undefined) return fail('--key and --cert belong together.');
  const privateKey = readKey(key);
  if (!privateKey.ok) return privateKey;
  const certificates = readCertificates(cert);
  return certificates.ok ? decryptionKey(privateKey.value, certificates.value[0]) : certificates;
}

const standardInput = 0;

/** At most one byte more than is decoded, so that more can be refused. */
function readBounded(file: string): Result<Buffer, string> {
  try {
    const descriptor = file === '-' ? standardInput : openSync(file, 'r');
    const buffer = Buffer.alloc(maxInputBytes + 1);
    let length = 0;
    for (let count = 1; count > 0 && length < buffer.length; length += count) count = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (file !== '-') closeSync(descriptor);
    return ok(buffer.subarray(0, length));
  } catch (error) {
    return fail(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
