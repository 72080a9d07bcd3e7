import type { Command } from 'commander';
import { type CmpClientFault, type CmpEnrolment, enrolByCmp, secretCredential } from '../device-client/cmp.js';
import { createSigner, emptyName, nameFromText, nameToText, publicKeyOf } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import {
  checkOutput,
  type DeviceKeyType,
  keyTypes,
  readCertificates,
  readKey,
  readOrGenerateKey,
  readSecret,
  sanExtensions,
  writeDeviceFiles,
} from './device-files.js';
import { complain, exitCodes, say } from './terminal.js';

interface Options {
  readonly url: string;
  readonly subject?: string;
  readonly type?: 'ir' | 'cr' | 'p10cr' | 'kur';
  readonly reference?: string;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly cert?: string;
  readonly certKey?: string;
  readonly trusted?: string;
  readonly recipient?: string;
  readonly san: readonly string[];
  readonly key?: string;
  readonly keyType: string;
  readonly implicitConfirm?: boolean;
  readonly wait: string;
  readonly out: string;
}

const examples = `
Examples:
  $ gatehouse enrol cmp --url http://127.0.0.1:8080/cmp/demo --reference REF --secret SECRET --subject CN=device-1 --out device-1
  $ gatehouse enrol cmp --url http://127.0.0.1:8080/cmp/demo --type kur --cert device-1.pem --cert-key device-1.key --trusted data/ca.pem --out device-1b
`;

/** `gatehouse enrol cmp`: one certificate over CMP (RFC 9810), written beside its key. */
export function enrolCmpCommand(enrol: Command): void {
  enrol
    .command('cmp')
    .description('enrol or renew over CMP (RFC 9810)')
    .requiredOption('--url <url>', "the server's CMP URL")
    .option('--subject <name>', 'the subject, such as "CN=device-1,O=Example"; kur keeps the old one')
    .option('--type <type>', 'ir, cr, p10cr or kur; by default ir, or kur with --cert and no --subject')
    .option('--reference <text>', 'the reference of the shared secret')
    .option('--secret <text>', 'the shared secret')
    .option('--secret-file <file>', 'a file whose first line is the shared secret')
    .option('--cert <file>', 'sign with this certificate (PEM, chain after it)')
    .option('--cert-key <file>', 'its private key (PEM)')
    .option('--trusted <file>', 'CA certificates (PEM) that signed answers must chain to')
    .option('--recipient <name>', "the CA's name")
    .option('--san <name...>', 'host names and IP addresses for subjectAltName', [])
    .option('--key <file>', 'use this key (PEM) instead of a new one')
    .option('--key-type <type>', `type of a new key: ${keyTypes.join(', ')}`, 'P-256')
    .option('--implicit-confirm', 'ask for implicit confirmation')
    .option('--wait <seconds>', 'the longest time for the whole transaction, polling included', '60')
    .option('--out <name>', 'write NAME.key and NAME.pem', 'device')
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const done = await enrolCmp(options);
      if (!done.ok) complain(done.error.message, done.error.exitCode);
    });
}

interface Fault {
  readonly message: string;
  readonly exitCode: number;
}

async function enrolCmp(options: Options): Promise<Result<true, Fault>> {
  const prepared = prepare(options);
  if (!prepared.ok) return fail({ message: prepared.error, exitCode: exitCodes.usage });
  const { enrolment, privateKey } = prepared.value;
  const enrolled = await enrolByCmp(enrolment);
  if (!enrolled.ok) return fail(faultOf(enrolled.error));
  const { certificate, isModified } = enrolled.value;
  const written = writeDeviceFiles(options.out, privateKey, certificate);
  if (!written.ok) return fail({ message: written.error, exitCode: exitCodes.failed });
  say(`Issued ${nameToText(certificate.subject)}, valid until ${certificate.notAfter.toISOString()}${isModified ? ', with changes by the CA' : ''}.`);
  say(`Written: ${written.value}.`);
  return ok(true);
}

function prepare(options: Options): Result<{ readonly enrolment: CmpEnrolment; readonly privateKey: Parameters<typeof publicKeyOf>[0] }, string> {
  const output = checkOutput(options.out);
  if (!output.ok) return output;
  const credential = credentialOf(options);
  if (!credential.ok) return credential;
  const signedBy = credential.value.kind === 'certificate' ? credential.value.certificate : undefined;
  const type = options.type ?? (signedBy !== undefined && options.subject === undefined ? 'kur' : 'ir');
  const subject = options.subject === undefined ? ok(signedBy?.subject) : nameFromText(options.subject);
  if (!subject.ok) return subject;
  if (subject.value === undefined) return fail('--subject is missing.');
  const recipient = options.recipient === undefined ? ok(signedBy?.issuer ?? emptyName) : nameFromText(options.recipient);
  if (!recipient.ok) return recipient;
  const extensions = sanExtensions(options.san);
  if (!extensions.ok) return extensions;
  if (!(keyTypes as readonly string[]).includes(options.keyType)) return fail(`--key-type must be one of ${keyTypes.join(', ')}.`);
  const key = readOrGenerateKey(options.key, options.keyType as DeviceKeyType);
  if (!key.ok) return key;
  const trusted = options.trusted === undefined ? ok([]) : readCertificates(options.trusted);
  if (!trusted.ok) return trusted;
  const enrolment: CmpEnrolment = {
    url: options.url,
    credential: credential.value,
    type,
    recipient: recipient.value,
    subject: subject.value,
    extensions: extensions.value,
    newKey: createSigner(key.value, publicKeyOf(key.value)),
    trusted: trusted.value,
    timeoutMs: Number(options.wait) * 1000,
    ...(options.implicitConfirm && { implicitConfirm: true }),
    ...(type === 'kur' && signedBy && { oldCertificate: signedBy }),
  };
  return ok({ enrolment, privateKey: key.value });
}

function credentialOf(options: Options): Result<CmpEnrolment['credential'], string> {
  const secret = readSecret(options.secret, options.secretFile);
  if (!secret.ok) return secret;
  if (options.reference !== undefined && secret.value !== undefined) return ok(secretCredential(options.reference, Buffer.from(secret.value)));
  if (options.cert === undefined || options.certKey === undefined) {
    return fail('Give --reference with --secret (or --secret-file), or --cert with --cert-key.');
  }
  const certificates = readCertificates(options.cert);
  if (!certificates.ok) return certificates;
  const key = readKey(options.certKey);
  if (!key.ok) return key;
  const [certificate, ...chain] = certificates.value;
  return ok({ kind: 'certificate', certificate, chain, signer: createSigner(key.value, certificate.publicKey) });
}

function faultOf(fault: CmpClientFault): Fault {
  switch (fault.kind) {
    case 'refused': {
      const why = [fault.failInfo.join(', '), fault.text].filter((part) => part !== '').join(': ');
      return { message: `Refused${why === '' ? '' : `: ${why}`}${fault.isVerified ? '' : ' (the answer could not be verified)'}.`, exitCode: exitCodes.failed };
    }
    case 'http':
      return { message: `The server answered with HTTP ${fault.status}.`, exitCode: exitCodes.failed };
    case 'unreachable':
      return { message: `The server could not be asked: ${fault.text}.`, exitCode: exitCodes.failed };
    case 'invalid-answer':
      return { message: fault.text, exitCode: exitCodes.failed };
    case 'timeout':
      return { message: 'There was no final answer in time; the order may still be pending.', exitCode: exitCodes.tryAgain };
  }
}
