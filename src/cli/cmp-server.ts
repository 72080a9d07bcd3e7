import type { Command } from 'commander';
import { type CmpClientFault, type CmpServer, secretCredential } from '../device-client/cmp-conversation.js';
import { createSigner, emptyName, nameFromText } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { readCertificates, readKey, readSecret } from './device-files.js';
import { exitCodes } from './terminal.js';

/** What every command that speaks CMP is told of its server and its credential. */
export interface CmpServerOptions {
  readonly url: string;
  readonly reference?: string;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly cert?: string;
  readonly certKey?: string;
  readonly trusted?: string;
  readonly recipient?: string;
  readonly wait: string;
}

export function serverOptions(command: Command): Command {
  return command
    .requiredOption('--url <url>', "the server's CMP URL")
    .option('--reference <text>', 'the reference of the shared secret')
    .option('--secret <text>', 'the shared secret')
    .option('--secret-file <file>', 'a file whose first line is the shared secret')
    .option('--cert <file>', 'sign with this certificate (PEM, chain after it)')
    .option('--cert-key <file>', 'its private key (PEM)')
    .option('--trusted <file>', 'CA certificates (PEM) that signed answers must chain to')
    .option('--recipient <name>', "the CA's name")
    .option('--wait <seconds>', 'the longest time for the whole transaction, polling included', '60');
}

/** The server as the options name it; a fault in words when a file cannot be read or the credential is not whole. */
export function serverOf(options: CmpServerOptions): Result<CmpServer, string> {
  const credential = credentialOf(options);
  if (!credential.ok) return credential;
  const signedBy = credential.value.kind === 'certificate' ? credential.value.certificate : undefined;
  const recipient = options.recipient === undefined ? ok(signedBy?.issuer ?? emptyName) : nameFromText(options.recipient);
  if (!recipient.ok) return recipient;
  const trusted = options.trusted === undefined ? ok([]) : readCertificates(options.trusted);
  if (!trusted.ok) return trusted;
  const timeoutMs = Number(options.wait) * 1000;
  return ok({ url: options.url, credential: credential.value, recipient: recipient.value, trusted: trusted.value, timeoutMs });
}

function credentialOf(options: CmpServerOptions): Result<CmpServer['credential'], string> {
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

export interface Fault {
  readonly message: string;
  readonly exitCode: number;
}

/** What went wrong, in words, with the exit code of the command. */
export function faultOf(fault: CmpClientFault): Fault {
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
