import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { infoItemsField, renderFields } from '../decode/index.js';
import { askByCmp } from '../device-client/cmp-general.js';
import { toPem } from '../pkix/index.js';
import { type InfoTypeAndValue, infoValueOf, listItem, readListOf, readRootCaKeyUpdate } from '../protocol/cmp/index.js';
import { der, guarded, isOid, oids, tag } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type CmpServerOptions, type Fault, faultOf, serverOf, serverOptions } from './cmp-server.js';
import { readCertificates } from './device-files.js';
import { complain, exitCodes, say } from './terminal.js';

interface Options extends CmpServerOptions {
  readonly infotype: readonly string[];
  readonly root?: string;
  readonly lang: readonly string[];
  readonly profile?: string;
  readonly out?: string;
}

/** Types by the names of RFC 9810 section 5.3.19; others by their object identifier. */
const infoTypes = [
  'caCerts',
  'rootCaCert',
  'certReqTemplate',
  'currentCRL',
  'signKeyPairTypes',
  'encKeyPairTypes',
  'preferredSymmAlg',
  'caProtEncCert',
  'caKeyUpdateInfo',
  'suppLangTags',
] as const;

const examples = `
Examples:
  $ gatehouse cmp genm --url http://127.0.0.1:8080/cmp/demo --reference REF --secret SECRET --infotype caCerts --out chain.pem
  $ gatehouse cmp genm --url http://127.0.0.1:8080/cmp/demo --cert device-1.pem --cert-key device-1.key --trusted data/ca.pem --infotype certReqTemplate
`;

/** `gatehouse cmp genm`: asks for what a CA tells its devices (RFC 9483 section 4.3), and shows it field by field. */
export function cmpGenmCommand(cmp: Command): void {
  serverOptions(cmp.command('genm').description('ask for CA certificates, a CRL, the request template and other information'))
    .option('--infotype <type...>', `${infoTypes.join(', ')}, or an object identifier; none: whatever the server tells`, [])
    .option('--root <file>', 'with rootCaCert: the root in use (PEM)')
    .option('--lang <tag...>', 'with suppLangTags: the languages offered', ['en'])
    .option('--profile <name>', 'the certProfile asked about')
    .option('--out <file>', 'write the certificates or CRLs of the answer here (PEM)')
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const done = await ask(options);
      if (!done.ok) complain(done.error.message, done.error.exitCode);
    });
}

async function ask(options: Options): Promise<Result<true, Fault>> {
  const usage = (message: string) => fail({ message, exitCode: exitCodes.usage });
  const server = serverOf(options);
  if (!server.ok) return usage(server.error);
  const items: InfoTypeAndValue[] = [];
  for (const name of options.infotype) {
    const item = questionOf(name, options);
    if (!item.ok) return usage(item.error);
    items.push(item.value);
  }
  const answers = await askByCmp(server.value, items, options.profile);
  if (!answers.ok) return fail(faultOf(answers.error));
  say(renderFields([infoItemsField('GenRepContent', answers.value)], process.stdout.isTTY));
  return options.out === undefined ? ok(true) : write(options.out, answers.value);
}

function questionOf(name: string, options: Options): Result<InfoTypeAndValue, string> {
  const infoType = (infoTypes as readonly string[]).includes(name) ? oids[name as (typeof infoTypes)[number]] : name;
  if (!isOid(infoType)) return fail(`--infotype must be an object identifier or one of ${infoTypes.join(', ')}.`);
  if (infoType === oids.suppLangTags) return ok(listItem(infoType, options.lang.map(der.utf8String)));
  if (infoType !== oids.rootCaCert || options.root === undefined) return ok({ infoType });
  const root = readCertificates(options.root);
  return root.ok ? ok({ infoType, infoValue: root.value[0].der }) : root;
}

const isList: ReadonlySet<string> = new Set([oids.caCerts, oids.crls]);
const isCrl: ReadonlySet<string> = new Set([oids.currentCRL, oids.crls]);
const written: ReadonlySet<string> = new Set([...isList, ...isCrl, oids.caProtEncCert, oids.rootCaKeyUpdate]);

function write(file: string, answers: readonly InfoTypeAndValue[]): Result<true, Fault> {
  const pem = answers.filter(({ infoType, infoValue }) => written.has(infoType) && infoValue !== undefined).map(pemOf);
  if (pem.length === 0) return fail({ message: 'The answer holds neither certificates nor CRLs; nothing was written.', exitCode: exitCodes.failed });
  try {
    writeFileSync(file, pem.join(''));
  } catch (error) {
    return fail({ message: `${file} was not written: ${error instanceof Error ? error.message : String(error)}`, exitCode: exitCodes.failed });
  }
  say(`Written: ${file}.`);
  return ok(true);
}

/** A new root goes out with its link certificates after it, as far as they came. */
function pemOf(item: InfoTypeAndValue): string {
  const elements = guarded((): readonly Buffer[] => {
    if (item.infoType === oids.rootCaKeyUpdate) return Object.values(infoValueOf(item, readRootCaKeyUpdate));
    return isList.has(item.infoType)
      ? infoValueOf(item, (cursor) => readListOf(cursor, (one) => one.elementOf(tag.sequence)))
      : [item.infoValue ?? Buffer.alloc(0)];
  });
  const label = isCrl.has(item.infoType) ? 'X509 CRL' : 'CERTIFICATE';
  return elements.ok ? elements.value.map((bytes) => toPem(label, bytes)).join('') : '';
}
