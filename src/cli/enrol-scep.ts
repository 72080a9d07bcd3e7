import type { Command } from 'commander';
import { sanExtensions } from '../device-client/san.js';
import { deviceKey, ScepClient, type ScepOutcome } from '../device-client/scep.js';
import { nameFromText, nameToText } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { checkOutput, readCertificates, readKey, readOrGenerateKey, readSecret, writeDeviceFiles } from './device-files.js';
import { complain, exitCodes, say } from './terminal.js';

interface Options {
  readonly url: string;
  readonly subject: string;
  readonly challenge?: string;
  readonly challengeFile?: string;
  readonly san: readonly string[];
  readonly key?: string;
  readonly bits: string;
  readonly renew?: string;
  readonly renewKey?: string;
  readonly caSha256?: string;
  readonly wait: string;
  readonly out: string;
}

const examples = `
Examples:
  $ gatehouse enrol scep --url http://127.0.0.1:8080/scep/demo --challenge SECRET --subject CN=device-1 --out device-1
  $ gatehouse enrol scep --url http://127.0.0.1:8080/scep/demo --subject CN=device-1 --renew device-1.pem --renew-key device-1.key --out device-1b
`;

/** `gatehouse enrol scep`: one certificate over SCEP (RFC 8894), written beside its key. */
export function enrolScepCommand(enrol: Command): void {
  enrol
    .command('scep')
    .description('enrol or renew over SCEP (RFC 8894)')
    .requiredOption('--url <url>', "the server's SCEP URL")
    .requiredOption('--subject <name>', 'the subject, such as "CN=device-1,O=Example"')
    .option('--challenge <password>', 'the challenge password')
    .option('--challenge-file <file>', 'a file whose first line is the challenge password')
    .option('--san <name...>', 'host names and IP addresses for subjectAltName', [])
    .option('--key <file>', 'use this RSA key (PEM) instead of a new one')
    .option('--bits <number>', 'size of a new RSA key: 2048 or 3072', '2048')
    .option('--renew <file>', 'the certificate (PEM) to renew')
    .option('--renew-key <file>', 'its private key (PEM)')
    .option('--ca-sha256 <hex>', 'SHA-256 fingerprint of the CA the server must show')
    .option('--wait <seconds>', 'how long to poll while the order is pending', '60')
    .option('--out <name>', 'write NAME.key and NAME.pem', 'device')
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const done = await enrolScep(options);
      if (!done.ok) complain(done.error.message, done.error.exitCode);
    });
}

interface Fault {
  readonly message: string;
  readonly exitCode: number;
}

async function enrolScep(options: Options): Promise<Result<true, Fault>> {
  const prepared = prepare(options);
  if (!prepared.ok) return fail({ message: prepared.error, exitCode: exitCodes.usage });
  const { client, request } = prepared.value;
  const outcome = await client.enrolAndWait(request, 2_000, Number(options.wait) * 1000);
  if (!outcome.ok) return fail({ message: outcome.error, exitCode: exitCodes.failed });
  return report(outcome.value, request.key.privateKey, options.out);
}

function prepare(options: Options): Result<{ readonly client: ScepClient; readonly request: Parameters<ScepClient['enrol']>[0] }, string> {
  const output = checkOutput(options.out);
  if (!output.ok) return output;
  const subject = nameFromText(options.subject);
  if (!subject.ok) return subject;
  const extensions = sanExtensions(options.san);
  if (!extensions.ok) return extensions;
  const challenge = readSecret(options.challenge, options.challengeFile);
  if (!challenge.ok) return challenge;
  if (options.bits !== '2048' && options.bits !== '3072') return fail('--bits must be 2048 or 3072.');
  const key = readOrGenerateKey(options.key, `RSA-${options.bits}`);
  if (!key.ok) return key;
  const renews = readRenewed(options);
  if (!renews.ok) return renews;
  const pin = options.caSha256?.replaceAll(':', '');
  if (pin !== undefined && !/^[0-9a-fA-F]{64}$/.test(pin)) return fail('--ca-sha256 must be 64 hexadecimal digits.');
  const client = new ScepClient({ url: options.url, ...(pin !== undefined && { caSha256: Buffer.from(pin, 'hex') }) });
  const request = { key: deviceKey(key.value), subject: subject.value, extensions: extensions.value };
  return ok({
    client,
    request: { ...request, ...(challenge.value !== undefined && { challenge: challenge.value }), ...(renews.value && { renews: renews.value }) },
  });
}

function readRenewed({ renew, renewKey }: Options) {
  if (renew === undefined && renewKey === undefined) return ok(undefined);
  if (renew === undefined || renewKey === undefined) return fail('--renew and --renew-key belong together.');
  const certificates = readCertificates(renew);
  if (!certificates.ok) return certificates;
  const key = readKey(renewKey);
  return key.ok ? ok({ certificate: certificates.value[0], privateKey: key.value }) : key;
}

function report(outcome: ScepOutcome, key: Parameters<typeof writeDeviceFiles>[1], out: string): Result<true, Fault> {
  switch (outcome.kind) {
    case 'issued': {
      const written = writeDeviceFiles(out, key, outcome.certificate);
      if (!written.ok) return fail({ message: written.error, exitCode: exitCodes.failed });
      say(`Issued ${nameToText(outcome.certificate.subject)}, valid until ${outcome.certificate.notAfter.toISOString()}.`);
      say(`Written: ${written.value}.`);
      return ok(true);
    }
    case 'pending':
      return fail({ message: 'The order is still pending; ask again later with the same key.', exitCode: exitCodes.tryAgain });
    case 'refused':
      return fail({
        message: `Refused: ${outcome.failInfo ?? 'no failInfo'}${outcome.text === undefined ? '' : ` (${outcome.text})`}.`,
        exitCode: exitCodes.failed,
      });
  }
}
