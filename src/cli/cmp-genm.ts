import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { infoItemsField, renderFields } from '../decode/index.js';
import { askByCmp, pemOf, type QuestionValues, questionNames, questionOf } from '../device-client/cmp-general.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { agreementCertificate, type CmpServerOptions, type Fault, faultOf, serverOf, serverOptions } from './cmp-server.js';
import { readCertificates, readCrlFile, readSecret } from './device-files.js';
import { complain, exitCodes, say } from './terminal.js';

interface Options extends CmpServerOptions {
  readonly passphraseFile?: string;
  readonly passphraseId?: string;
  readonly infotype: readonly string[];
  readonly root?: string;
  readonly lang: readonly string[];
  readonly algorithm?: string;
  readonly crl?: string;
  readonly crlIssuer?: string;
  readonly out?: string;
}

const examples = `
Examples:
  $ gatehouse cmp genm --url http://127.0.0.1:8080/cmp/demo --reference REF --secret SECRET --infotype caCerts --out chain.pem
  $ gatehouse cmp genm --url http://127.0.0.1:8080/cmp/demo --cert device-1.pem --cert-key device-1.key --trusted data/ca.pem --infotype certReqTemplate
`;

/** `gatehouse cmp genm`: asks for what a CA tells its devices (RFC 9483 section 4.3), and shows it field by field. */
export function cmpGenmCommand(cmp: Command): void {
  serverOptions(cmp.command('genm').description('ask for CA certificates, a CRL, the request template and other information'))
    .option('--infotype <type...>', `${questionNames.join(', ')}, or an object identifier; none: whatever the server tells`, [])
    .option('--root <file>', 'with rootCaCert: the root in use (PEM)')
    .option('--lang <tag...>', 'with suppLangTags: the languages offered', ['en'])
    .option('--algorithm <oid>', 'with keyPairParamReq: the key algorithm asked about', '1.2.840.10045.2.1')
    .option('--crl <file>', 'with crlStatusList: the CRL in hand (PEM or DER)')
    .option('--crl-issuer <file>', 'with crlStatusList: the certificate (PEM) of the CA whose CRL is wanted')
    .option('--passphrase-file <file>', 'with revPassphrase: a file whose first line is the passphrase; needs --encryption-cert')
    .option('--passphrase-id <text>', 'with revPassphrase: the identifier that a later cmp rr gives as --reference')
    .option('--out <file>', 'write the certificates or CRLs of the answer here (PEM)')
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const done = await ask(options);
      if (!done.ok) complain(done.error.message, done.error.exitCode);
    });
}

async function ask(options: Options): Promise<Result<true, Fault>> {
  const server = serverOf(options);
  const questions = questionsOf(options);
  if (!server.ok) return fail({ message: server.error, exitCode: exitCodes.usage });
  if (!questions.ok) return fail({ message: questions.error, exitCode: exitCodes.usage });
  const answers = await askByCmp(server.value, questions.value, options.profile);
  if (!answers.ok) return fail(faultOf(answers.error));
  say(renderFields([infoItemsField('GenRepContent', answers.value)], process.stdout.isTTY));
  return options.out === undefined ? ok(true) : write(options.out, pemOf(answers.value));
}

type Questions = Parameters<typeof askByCmp>[1];

function questionsOf(options: Options): Result<Questions, string> {
  const { infotype, root, lang, algorithm } = options;
  const current = root === undefined ? ok(undefined) : readCertificates(root);
  if (!current.ok) return current;
  const crl = crlOf(options);
  if (!crl.ok) return crl;
  const der = current.value?.[0].der;
  const passphrase = passphraseOf(options);
  if (!passphrase.ok) return passphrase;
  const values = {
    ...(passphrase.value && { passphrase: passphrase.value }),
    languages: lang,
    ...(algorithm && { algorithm }),
    ...(der && { root: der }),
    ...(crl.value && { crl: crl.value }),
  };
  const questions = infotype.map((name) => questionOf(name, values));
  const wrong = questions.find((question) => !question.ok);
  if (wrong !== undefined && !wrong.ok) return wrong;
  return ok(questions.flatMap((question) => (question.ok ? [question.value] : [])));
}

/** What revPassphrase leaves; undefined where no passphrase is given. */
function passphraseOf(options: Options): Result<QuestionValues['passphrase'], string> {
  const { passphraseFile, passphraseId } = options;
  if (passphraseFile === undefined) return ok(undefined);
  if (passphraseId === undefined) return fail('--passphrase-file needs --passphrase-id.');
  const passphrase = readSecret(undefined, passphraseFile);
  if (!passphrase.ok) return passphrase;
  const recipient = agreementCertificate(options);
  if (!recipient.ok) return recipient;
  return ok({ passphrase: Buffer.from(passphrase.value ?? ''), keyId: Buffer.from(passphraseId), recipient: recipient.value });
}

/** Whose CRL is asked for, and since when the one in hand is in force; undefined where neither is named. */
function crlOf({ crl, crlIssuer }: Options): Result<QuestionValues['crl'], string> {
  if (crl !== undefined) {
    const read = readCrlFile(crl);
    return read.ok ? ok({ issuer: read.value.issuer, thisUpdate: read.value.thisUpdate }) : read;
  }
  const issuer = crlIssuer === undefined ? ok(undefined) : readCertificates(crlIssuer);
  if (!issuer.ok) return issuer;
  return ok(issuer.value && { issuer: issuer.value[0].subject });
}

function write(file: string, pem: string): Result<true, Fault> {
  if (pem === '') return fail({ message: 'The answer holds neither certificates nor CRLs; nothing was written.', exitCode: exitCodes.failed });
  try {
    writeFileSync(file, pem);
  } catch (error) {
    return fail({ message: `${file} was not written: ${error instanceof Error ? error.message : String(error)}`, exitCode: exitCodes.failed });
  }
  say(`Written: ${file}.`);
  return ok(true);
}
