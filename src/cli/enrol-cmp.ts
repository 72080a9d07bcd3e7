import type { Command } from 'commander';
import { type CmpEnrolment, enrolByCmp } from '../device-client/cmp.js';
import { createSigner, nameFromText, nameToText, publicKeyOf } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type CmpServerOptions, type Fault, faultOf, serverOf, serverOptions } from './cmp-server.js';
import { checkOutput, type DeviceKeyType, keyTypes, readOrGenerateKey, sanExtensions, writeDeviceFiles } from './device-files.js';
import { complain, exitCodes, say } from './terminal.js';

interface Options extends CmpServerOptions {
  readonly subject?: string;
  readonly type?: 'ir' | 'cr' | 'p10cr' | 'kur';
  readonly san: readonly string[];
  readonly key?: string;
  readonly keyType: string;
  readonly implicitConfirm?: boolean;
  readonly out: string;
}

const examples = `
Examples:
  $ gatehouse enrol cmp --url http://127.0.0.1:8080/cmp/demo --reference REF --secret SECRET --subject CN=device-1 --out device-1
  $ gatehouse enrol cmp --url http://127.0.0.1:8080/cmp/demo --type kur --cert device-1.pem --cert-key device-1.key --trusted data/ca.pem --out device-1b
`;

/** `gatehouse enrol cmp`: one certificate over CMP (RFC 9810), written beside its key. */
export function enrolCmpCommand(enrol: Command): void {
  serverOptions(enrol.command('cmp').description('enrol or renew over CMP (RFC 9810)'))
    .option('--subject <name>', 'the subject, such as "CN=device-1,O=Example"; kur keeps the old one')
    .option('--type <type>', 'ir, cr, p10cr or kur; by default ir, or kur with --cert and no --subject')
    .option('--san <name...>', 'host names and IP addresses for subjectAltName', [])
    .option('--key <file>', 'use this key (PEM) instead of a new one')
    .option('--key-type <type>', `type of a new key: ${keyTypes.join(', ')}`, 'P-256')
    .option('--implicit-confirm', 'ask for implicit confirmation')
    .option('--out <name>', 'write NAME.key and NAME.pem', 'device')
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const done = await enrolCmp(options);
      if (!done.ok) complain(done.error.message, done.error.exitCode);
    });
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
  const server = serverOf(options);
  if (!server.ok) return server;
  const { credential } = server.value;
  const signedBy = credential.kind === 'certificate' ? credential.certificate : undefined;
  const type = options.type ?? (signedBy !== undefined && options.subject === undefined ? 'kur' : 'ir');
  const subject = options.subject === undefined ? ok(signedBy?.subject) : nameFromText(options.subject);
  if (!subject.ok) return subject;
  if (subject.value === undefined) return fail('--subject is missing.');
  const extensions = sanExtensions(options.san);
  if (!extensions.ok) return extensions;
  if (!(keyTypes as readonly string[]).includes(options.keyType)) return fail(`--key-type must be one of ${keyTypes.join(', ')}.`);
  const key = readOrGenerateKey(options.key, options.keyType as DeviceKeyType);
  if (!key.ok) return key;
  const enrolment: CmpEnrolment = {
    ...server.value,
    type,
    subject: subject.value,
    extensions: extensions.value,
    newKey: createSigner(key.value, publicKeyOf(key.value)),
    ...(options.implicitConfirm && { implicitConfirm: true }),
    ...(type === 'kur' && signedBy && { oldCertificate: signedBy }),
  };
  return ok({ enrolment, privateKey: key.value });
}
