import type { Command } from 'commander';
import { type CmpRevocation, revocationOf, revokeByCmp } from '../device-client/cmp-revocation.js';
import { crlReasons, nameFromText } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type CmpServerOptions, type Fault, faultOf, serverOf, serverOptions } from './cmp-server.js';
import { readCertificates } from './device-files.js';
import { complain, exitCodes, say } from './terminal.js';

interface Options extends CmpServerOptions {
  readonly revoke?: string;
  readonly issuer?: string;
  readonly serial?: string;
  readonly reason?: string;
}

const reasons = crlReasons.filter((name) => name !== 'unused');

const examples = `
Examples:
  $ gatehouse cmp rr --url http://127.0.0.1:8080/cmp/demo --cert device-1.pem --cert-key device-1.key --trusted data/ca.pem --reason keyCompromise
  $ gatehouse cmp rr --url http://127.0.0.1:8080/cmp/demo --reference REF --secret SECRET --revoke device-1.pem --reason removeFromCRL
`;

/** `gatehouse cmp rr`: revokes a certificate over CMP, puts it on hold or releases it (RFC 9483 section 4.2). */
export function cmpRrCommand(cmp: Command): void {
  serverOptions(cmp.command('rr').description('revoke a certificate, put it on hold or release it'))
    .option('--revoke <file>', 'the certificate (PEM); by default the one that signs')
    .option('--issuer <name>', 'its issuer, with --serial instead of --revoke')
    .option('--serial <hex>', 'its serial number, in hexadecimal')
    .option('--reason <reason>', reasons.join(', '))
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const done = await revoke(options);
      if (!done.ok) complain(done.error.message, done.error.exitCode);
    });
}

async function revoke(options: Options): Promise<Result<true, Fault>> {
  const usage = (message: string) => fail({ message, exitCode: exitCodes.usage });
  const server = serverOf(options);
  if (!server.ok) return usage(server.error);
  const { credential } = server.value;
  const named = revocationIn(options, credential.kind === 'secret' ? undefined : credential.certificate);
  if (!named.ok) return usage(named.error);
  const revoked = await revokeByCmp(server.value, [named.value]);
  if (!revoked.ok) return fail(faultOf(revoked.error));
  say(options.reason === 'removeFromCRL' ? 'Released.' : options.reason === 'certificateHold' ? 'Put on hold.' : 'Revoked.');
  return ok(true);
}

function revocationIn(options: Options, signer: Parameters<typeof revocationOf>[0] | undefined): Result<CmpRevocation, string> {
  const reason = options.reason === undefined ? undefined : (crlReasons as readonly string[]).indexOf(options.reason);
  if (reason !== undefined && (reason < 0 || options.reason === 'unused')) return fail(`--reason must be one of ${reasons.join(', ')}.`);
  if (options.issuer !== undefined || options.serial !== undefined) return revocationByName(options, reason);
  if (options.revoke === undefined) return signer === undefined ? fail('Give --revoke, or --issuer and --serial.') : ok(revocationOf(signer, reason));
  const certificates = readCertificates(options.revoke);
  return certificates.ok ? ok(revocationOf(certificates.value[0], reason)) : certificates;
}

function revocationByName({ issuer, serial }: Options, reason: number | undefined): Result<CmpRevocation, string> {
  const name = issuer === undefined ? fail('--serial needs --issuer.') : nameFromText(issuer);
  if (!name.ok) return name;
  const hex = serial?.replaceAll(':', '').toLowerCase() ?? '';
  if (!/^[0-9a-f]+$/.test(hex)) return fail('--serial must be a number in hexadecimal.');
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  // Content octets of a positive INTEGER.
  const content = (octets[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), octets]) : octets;
  return ok({ issuer: name.value, serial: content, ...(reason !== undefined && { reason }) });
}
