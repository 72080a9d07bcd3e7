import type { Command } from 'commander';
import { possessions } from '../device-client/certificate-wish.js';
import { type CmpEnrolled, confirmations, enrolByCmp } from '../device-client/cmp.js';
import type { CmpClientFault } from '../device-client/cmp-fault.js';
import { createBatch } from '../device-client/cmp-forwarding.js';
import { enrolSeveralByCmp } from '../device-client/cmp-several.js';
import { classicalDeviceKey, deviceKeyTypes } from '../device-client/device-key.js';
import { nameToText } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type EnrolCmpOptions, type Planned, planOf } from './cmp-plan.js';
import { type Fault, faultOf, forwarderOf, serverOptions } from './cmp-server.js';
import { writeDeviceFiles } from './device-files.js';
import { complain, exitCodes, say } from './terminal.js';

const examples = `
Examples:
  $ gatehouse enrol cmp --url http://127.0.0.1:8080/cmp/demo --reference REF --secret SECRET --subject CN=device-1 --out device-1
  $ gatehouse enrol cmp --url http://127.0.0.1:8080/cmp/demo --type kur --cert device-1.pem --cert-key device-1.key --trusted data/ca.pem --out device-1b
  $ gatehouse enrol cmp --url ... --reference REF --secret SECRET --mac pbmac1 --subject CN=sensor --central-key RSA-3072 --out sensor
  $ gatehouse enrol cmp --url ... --reference REF --secret SECRET --subject CN=pq --key-type ML-KEM-768 --possession encrCert --out pq
  $ gatehouse enrol cmp --url ... --reference REF --secret SECRET --subject CN=kari --possession agreeMAC --encryption-cert ra-enc.pem --out kari
  $ gatehouse enrol cmp --url ... --cert kari.pem --cert-key kari.key --protection dhBasedMac --possession agreeMAC --encryption-cert ra-enc.pem --out kari2
  $ gatehouse enrol cmp --url .../nested --reference REF --secret SECRET --batch 3 --subject 'CN=d-{n}' --out 'd-{n}' \\
      --forward-cert ra.pem --forward-key ra.key --trusted data/ca.pem

Revocation and questions are commands of their own: gatehouse cmp rr, gatehouse cmp genm.
The options say which policy of a profile they need in docs/cmp-client.md.
`;

/** `gatehouse enrol cmp`: certificates over CMP (RFC 9810), each written beside its key. */
export function enrolCmpCommand(enrol: Command): void {
  serverOptions(enrol.command('cmp').description('enrol or renew over CMP (RFC 9810), in every way the server offers'))
    .option('--subject <name>', 'the subject, such as "CN=device-1,O=Example"; kur keeps the old one')
    .option('--type <type>', 'ir, cr, p10cr, kur or ccr; by default ir, or kur with --cert and no --subject')
    .option('--san <name...>', 'host names and IP addresses for subjectAltName', [])
    .option('--days <number>', 'the validity asked for')
    .option('--key <file>', 'use this key (PEM) instead of a new one')
    .option('--key-type <type>', `type of a new key: ${deviceKeyTypes.join(', ')}`, 'P-256')
    .option('--central-key [type]', 'let the server make the key pair: any, or one of P-256, P-384, P-521, RSA, Ed25519')
    .option('--possession <kind>', `how possession of the key is proved: ${possessions.join(', ')}`, 'signature')
    .option('--token <text>', 'the registration token, for this request only')
    .option('--authenticator <text>', 'the authenticator that the profile asks for every time')
    .option('--implicit-confirm', 'ask for implicit confirmation')
    .option('--confirm <word>', `what to say of the certificate: ${confirmations.join(', ')}`, 'accept')
    .option('--several <number>', 'ask for so many certificates in one message; {n} in --subject, --san and --out is their number')
    .option('--batch <number>', 'send so many requests in one nested message (needs --forward-cert); {n} as above')
    .option('--out <name>', 'write NAME.key and NAME.pem', 'device')
    .addHelpText('after', examples)
    .action(async (options: EnrolCmpOptions) => {
      const done = await enrolCmp(options);
      if (!done.ok) complain(done.error.message, done.error.exitCode);
    });
}

type Done = Promise<Result<true, Fault>>;
type Outcome = Result<Pick<CmpEnrolled, 'certificate' | 'privateKey' | 'isModified'>, CmpClientFault>;

async function enrolCmp(options: EnrolCmpOptions): Done {
  const planned = planOf(options);
  if (!planned.ok) return fail({ message: planned.error, exitCode: exitCodes.usage });
  const plans = planned.value;
  if (options.batch !== undefined) return enrolBatch(options, plans);
  if (options.several === undefined) return reportAll(options, plans, [await enrolByCmp(plans[0].enrolment)]);
  const [first, ...others] = plans.map(({ enrolment }) => enrolment);
  if (first === undefined) return ok(true);
  const several = await enrolSeveralByCmp([first, ...others]);
  return several.ok ? reportAll(options, plans, several.value) : fail(faultOf(several.error));
}

async function enrolBatch(options: EnrolCmpOptions, plans: readonly Planned[]): Done {
  const { recipient, trusted = [] } = (plans[0] as Planned).enrolment;
  const forwarder = forwarderOf(options, recipient, trusted);
  if (!forwarder.ok) return fail({ message: forwarder.error, exitCode: exitCodes.usage });
  if (forwarder.value === undefined) return fail({ message: '--batch needs --forward-cert and --forward-key.', exitCode: exitCodes.usage });
  const batch = createBatch(forwarder.value, plans.length);
  const outcomes = await Promise.all(
    plans.map(async ({ enrolment }) => {
      const outcome = await enrolByCmp({ ...enrolment, transport: batch.transport });
      batch.leave();
      return outcome;
    }),
  );
  return reportAll(options, plans, outcomes);
}

/** Writes what was issued, says so, and fails with the first that was not. */
function reportAll(options: EnrolCmpOptions, plans: readonly Planned[], outcomes: readonly Outcome[]): Result<true, Fault> {
  const reports = outcomes.map((outcome, index) => (outcome.ok ? report(options, plans[index] as Planned, outcome.value) : fail(faultOf(outcome.error))));
  return reports.find((item) => !item.ok) ?? ok(true);
}

function report({ confirm }: EnrolCmpOptions, { out, key }: Planned, issued: Extract<Outcome, { ok: true }>['value']): Result<true, Fault> {
  const { certificate, isModified, privateKey } = issued;
  if (confirm === 'reject') {
    say(`Rejected: ${nameToText(certificate.subject)}; nothing was written.`);
    return ok(true);
  }
  const pem = privateKey === undefined ? key?.pem : classicalDeviceKey(privateKey).pem;
  const written = pem === undefined ? fail('The server made no private key.') : writeDeviceFiles(out, pem, certificate);
  if (!written.ok) return fail({ message: written.error, exitCode: exitCodes.failed });
  say(`Issued ${nameToText(certificate.subject)}, valid until ${certificate.notAfter.toISOString()}${isModified ? ', with changes by the CA' : ''}.`);
  say(`Written: ${written.value}.`);
  return ok(true);
}
