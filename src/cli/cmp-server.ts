import type { Command } from 'commander';
import type { CmpServer } from '../device-client/cmp-conversation.js';
import { agreementCredential, certificateCredential, clientMacs, secretCredential } from '../device-client/cmp-credentials.js';
import { type CmpClientFault, faultText } from '../device-client/cmp-fault.js';
import { addingProtection, type Forwarder } from '../device-client/cmp-forwarding.js';
import type { CmpCredential } from '../device-client/cmp-messages.js';
import { httpTransport, type Observer } from '../device-client/cmp-transport.js';
import { type Certificate, emptyName, type Name, nameFromText } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { readCertificates, readDeviceKeyFile, readSecret } from './device-files.js';
import { exitCodes, say } from './terminal.js';

/** What every command that speaks CMP is told of its server and its credential. */
export interface CmpServerOptions {
  readonly url: string;
  readonly reference?: string;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly mac: string;
  readonly iterations?: string;
  readonly cert?: string;
  readonly certKey?: string;
  readonly protection?: string;
  readonly encryptionCert?: string;
  readonly trusted?: string;
  readonly recipient?: string;
  readonly forwardCert?: string;
  readonly forwardKey?: string;
  readonly profile?: string;
  readonly verbose?: boolean;
  readonly wait: string;
}

export function serverOptions(command: Command): Command {
  return command
    .requiredOption('--url <url>', "the server's CMP URL")
    .option('--reference <text>', 'the reference of the shared secret')
    .option('--secret <text>', 'the shared secret')
    .option('--secret-file <file>', 'a file whose first line is the shared secret')
    .option('--mac <kind>', 'what the secret protects with: pbm (PasswordBasedMac) or pbmac1', 'pbm')
    .option('--iterations <number>', 'iterations of that MAC; 500 for pbm, 10000 for pbmac1')
    .option('--cert <file>', 'sign with this certificate (PEM, chain after it); with one for ML-KEM: protect by KemBasedMac')
    .option('--cert-key <file>', 'its private key (PEM)')
    .option('--protection <kind>', 'what the key of --cert does: signature, or dhBasedMac with the P-256 certificate of --encryption-cert', 'signature')
    .option(
      '--encryption-cert <file>',
      "the RA's encryption certificates (PEM), as genm caProtEncCert shows them; with one for ML-KEM answers must be proved by its key",
    )
    .option('--trusted <file>', 'CA certificates (PEM) that signed answers must chain to')
    .option('--recipient <name>', "the CA's name")
    .option('--forward-cert <file>', 'forward as an RA with this certificate (PEM): every message travels inside a nested one')
    .option('--forward-key <file>', 'its private key (PEM)')
    .option('--profile <name>', 'the certProfile to name')
    .option('--verbose', 'say which messages are exchanged')
    .option('--wait <seconds>', 'the longest time for the whole transaction, polling included', '60');
}

/** The server as the options name it; a fault in words when a file cannot be read or the credential is not whole. */
export function serverOf(options: CmpServerOptions): Result<CmpServer, string> {
  const credential = credentialOf(options);
  if (!credential.ok) return credential;
  const issuer = credential.value.kind === 'secret' ? emptyName : credential.value.certificate.issuer;
  const recipient = options.recipient === undefined ? ok(issuer) : nameFromText(options.recipient);
  if (!recipient.ok) return recipient;
  const trusted = options.trusted === undefined ? ok([]) : readCertificates(options.trusted);
  if (!trusted.ok) return trusted;
  const encryption = encryptionCertificates(options);
  if (!encryption.ok) return encryption;
  const kemCertificate = encryption.value.find(({ publicKey }) => publicKey.type === 'ml-kem');
  const timeoutMs = Number(options.wait) * 1000;
  if (!(timeoutMs > 0)) return fail('--wait must be a number of seconds.');
  const observe = options.verbose ? { observe: told } : {};
  const server = {
    url: options.url,
    credential: credential.value,
    recipient: recipient.value,
    trusted: trusted.value,
    timeoutMs,
    ...observe,
    ...(kemCertificate && { kemCertificate }),
  };
  const forwarder = forwarderOf(options, recipient.value, trusted.value);
  if (!forwarder.ok) return forwarder;
  return ok(forwarder.value === undefined ? server : { ...server, transport: addingProtection(forwarder.value) });
}

const told: Observer = (direction, type) => say(`${direction} ${type}`);

/** The RA of `--forward-cert`; undefined where there is none. */
export function forwarderOf(options: CmpServerOptions, recipient: Name, trusted: readonly Certificate[]): Result<Forwarder | undefined, string> {
  if (options.forwardCert === undefined && options.forwardKey === undefined) return ok(undefined);
  if (options.forwardCert === undefined || options.forwardKey === undefined) return fail('--forward-cert and --forward-key belong together.');
  const credential = certificateIn(options.forwardCert, options.forwardKey);
  if (!credential.ok) return credential;
  if (credential.value.kind !== 'certificate') return fail('--forward-key must be a key that signs.');
  const observe = options.verbose ? { observe: told } : {};
  return ok({ credential: credential.value, recipient, trusted, transport: httpTransport(options.url), ...observe });
}

function credentialOf(options: CmpServerOptions): Result<CmpCredential, string> {
  const secret = readSecret(options.secret, options.secretFile);
  if (!secret.ok) return secret;
  const mac = clientMacs.find((name) => name === options.mac);
  if (mac === undefined) return fail(`--mac must be one of ${clientMacs.join(', ')}.`);
  const iterations = options.iterations === undefined ? undefined : Number(options.iterations);
  if (iterations !== undefined && !(Number.isInteger(iterations) && iterations > 0)) return fail('--iterations must be a number.');
  if (options.reference !== undefined && secret.value !== undefined) {
    return ok(secretCredential(options.reference, Buffer.from(secret.value), { mac, ...(iterations !== undefined && { iterations }) }));
  }
  if (options.cert === undefined || options.certKey === undefined) {
    return fail('Give --reference with --secret (or --secret-file), or --cert with --cert-key.');
  }
  if (options.protection === undefined || options.protection === 'signature') return certificateIn(options.cert, options.certKey);
  return options.protection === 'dhBasedMac' ? agreementIn(options, options.cert, options.certKey) : fail('--protection must be signature or dhBasedMac.');
}

/** Those of `--encryption-cert`; none where it is not given. */
function encryptionCertificates({ encryptionCert }: CmpServerOptions): Result<readonly Certificate[], string> {
  return encryptionCert === undefined ? ok([]) : readCertificates(encryptionCert);
}

/** The one of them that a P-256 key agrees with. */
export function agreementCertificate(options: CmpServerOptions): Result<Certificate, string> {
  const certificates = encryptionCertificates(options);
  if (!certificates.ok) return certificates;
  const found = certificates.value.find(({ publicKey }) => publicKey.type === 'ec');
  return found === undefined ? fail('--encryption-cert must hold the P-256 encryption certificate of the RA.') : ok(found);
}

function agreementIn(options: CmpServerOptions, certificateFile: string, keyFile: string): Result<CmpCredential, string> {
  const certificates = readCertificates(certificateFile);
  const key = readDeviceKeyFile(keyFile);
  const agreeWith = agreementCertificate(options);
  if (!certificates.ok) return certificates;
  if (!key.ok) return key;
  if (!agreeWith.ok) return agreeWith;
  const [certificate, ...chain] = certificates.value;
  const credential = agreementCredential(certificate, chain, key.value, agreeWith.value);
  return credential.ok ? credential : fail(`${keyFile}: ${credential.error}`);
}

function certificateIn(certificateFile: string, keyFile: string): Result<CmpCredential, string> {
  const certificates = readCertificates(certificateFile);
  if (!certificates.ok) return certificates;
  const key = readDeviceKeyFile(keyFile);
  if (!key.ok) return key;
  const [certificate, ...chain] = certificates.value;
  const credential = certificateCredential(certificate, chain, key.value);
  return credential.ok ? credential : fail(`${keyFile}: ${credential.error}`);
}

export interface Fault {
  readonly message: string;
  readonly exitCode: number;
}

/** What went wrong, in words, with the exit code of the command. */
export function faultOf(fault: CmpClientFault): Fault {
  if (fault.kind === 'timeout') return { message: faultText(fault), exitCode: exitCodes.tryAgain };
  const otherKey = 'The server wants a cipher text for another KEM key than that of --encryption-cert.';
  return { message: fault.kind === 'kem-demanded' ? otherKey : faultText(fault), exitCode: exitCodes.failed };
}
