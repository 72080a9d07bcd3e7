/** A SCEP device: GetCACaps, GetCACert, GetNextCACert, PKCSReq, RenewalReq, CertPoll, GetCert, GetCRL over HTTP (RFC 8894). */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  basicConstraintsOf,
  buildChain,
  type Certificate,
  type CertificateList,
  certificateFingerprint,
  type Digest,
  type Extension,
  type KeyUsage,
  keyUsageOf,
  type Name,
  parseCertificate,
  parseCrl,
} from '../pkix/index.js';
import { type CmsSigner, type ContentCipher, createKeyUnwrapper } from '../protocol/cms/index.js';
import {
  type CertRep,
  mediaTypes,
  openReply,
  type ReplyContent,
  type ReplyKey,
  readCaCertificates,
  readCapabilities,
  readCertRep,
  readNextCaCertificates,
  type ScepFailInfo,
} from '../protocol/scep/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { buildCertPoll, buildGetCert, buildPkcsReq, type DeviceKey, type ScepMessage } from './scep-message.js';

export * from './scep-message.js';

export interface ScepClientOptions {
  readonly url: string;
  /** SHA-256 of a CA certificate that must be among those the server shows, and under which the RA must stand. */
  readonly caSha256?: Buffer;
  /** For one HTTP exchange, milliseconds. */
  readonly timeoutMs?: number;
  /** Sends messages by GET also where POST is offered, as certmonger and Cisco IOS do. */
  readonly isGetOnly?: boolean;
  /** Sent as `message` of GetCACaps and GetCACert, as Junos and IOS do. */
  readonly caIdentifier?: string;
}

export interface ScepServerCertificates {
  /** To encrypt to. */
  readonly ra: Certificate;
  /** Signs the answers: the same, or of two RA certificates the other one. */
  readonly signer: Certificate;
  readonly authorities: readonly Certificate[];
}

export interface EnrolmentOptions {
  readonly key: DeviceKey;
  readonly subject: Name;
  readonly challenge?: string;
  readonly extensions?: readonly Extension[];
  readonly cipher?: ContentCipher;
  readonly digest?: Digest;
  readonly transactionId?: string;
  /** The certificate to renew and its key; the request is then a RenewalReq where the server knows it, else a PKCSReq signed with them. */
  readonly renews?: CmsSigner;
}

/** A request the server has not decided yet; give it to `poll`. */
export interface PendingEnrolment {
  readonly request: ScepMessage;
  readonly wanted: Wanted;
}

interface Wanted {
  readonly subject: Name;
  readonly key: DeviceKey;
}

export type ScepOutcome =
  | { readonly kind: 'issued'; readonly certificate: Certificate }
  | { readonly kind: 'pending'; readonly pending: PendingEnrolment }
  | { readonly kind: 'refused'; readonly failInfo: ScepFailInfo | undefined; readonly text: string | undefined };

export type LookUp<T> =
  | { readonly kind: 'found'; readonly found: T }
  | { readonly kind: 'refused'; readonly failInfo: ScepFailInfo | undefined; readonly text: string | undefined };

/** Talks to one server. Errors are sentences for people; only a broken machine throws. */
export class ScepClient {
  readonly #options: ScepClientOptions;
  #capabilities: ReadonlySet<string> | undefined;
  #certificates: ScepServerCertificates | undefined;

  constructor(options: ScepClientOptions) {
    this.#options = options;
  }

  /** GetCACaps; an answer other than 200 counts as no capabilities (RFC 8894 §3.5.1). */
  async capabilities(): Promise<Result<ReadonlySet<string>, string>> {
    if (this.#capabilities !== undefined) return ok(this.#capabilities);
    const answer = await this.#exchange('GetCACaps');
    if (!answer.ok) return answer;
    this.#capabilities = answer.value.status === 200 ? readCapabilities(answer.value.body.toString('latin1')) : new Set();
    return ok(this.#capabilities);
  }

  /** GetCACert, with the RA told from the CAs and, where a fingerprint is pinned, checked under it. */
  async certificates(): Promise<Result<ScepServerCertificates, string>> {
    if (this.#certificates !== undefined) return ok(this.#certificates);
    const answer = await this.#exchange('GetCACert');
    if (!answer.ok) return answer;
    if (answer.value.status !== 200) return fail(`GetCACert was answered with HTTP ${answer.value.status}.`);
    const read = readCaCertificates(answer.value.mediaType, answer.value.body);
    if (!read.ok) return read;
    const found = chooseRa(read.value.flatMap((bytes) => parsed(bytes)));
    const checked = found.ok ? checkPin(found.value, this.#options.caSha256) : found;
    if (checked.ok) this.#certificates = checked.value;
    return checked;
  }

  /** GetNextCACert: the certificates to come, signed by the RA of today. */
  async nextCertificates(): Promise<Result<readonly Certificate[], string>> {
    const certificates = await this.certificates();
    if (!certificates.ok) return certificates;
    const answer = await this.#exchange('GetNextCACert');
    if (!answer.ok) return answer;
    const { status, mediaType, body } = answer.value;
    if (status !== 200) return fail(`GetNextCACert was answered with HTTP ${status}.`);
    const read = readNextCaCertificates(mediaType, body, certificates.value.signer);
    return read.ok ? ok(read.value.flatMap((bytes) => parsed(bytes))) : read;
  }

  /** GetCert: the certificate of this issuer and serial; only its holder gets it from most servers. */
  async getCertificate(signer: CmsSigner, issuer: Name, serial: Buffer): Promise<Result<LookUp<Certificate>, string>> {
    const found = await this.#lookUp('GetCert', signer, issuer, serial);
    if (!found.ok || found.value.kind === 'refused') return found as Result<LookUp<Certificate>, string>;
    const [certificate] = found.value.found.certificates.flatMap((bytes) => parsed(bytes));
    return certificate === undefined ? fail('The answer holds no certificate that could be read.') : ok({ kind: 'found', found: certificate });
  }

  /** GetCRL: the CRL of the CA that issued the certificate of this issuer and serial. */
  async getCrl(signer: CmsSigner, issuer: Name, serial: Buffer): Promise<Result<LookUp<CertificateList>, string>> {
    const found = await this.#lookUp('GetCRL', signer, issuer, serial);
    if (!found.ok || found.value.kind === 'refused') return found as Result<LookUp<CertificateList>, string>;
    const [bytes] = found.value.found.crls;
    const crl = bytes === undefined ? undefined : parseCrl(bytes);
    return crl?.ok ? ok({ kind: 'found', found: crl.value }) : fail('The answer holds no CRL that could be read.');
  }

  async #lookUp(messageType: 'GetCert' | 'GetCRL', signer: CmsSigner, issuer: Name, serial: Buffer): Promise<Result<LookUp<ReplyContent>, string>> {
    const capabilities = await this.capabilities();
    if (!capabilities.ok) return capabilities;
    const certificates = await this.certificates();
    if (!certificates.ok) return certificates;
    const request = buildGetCert({ recipient: certificates.value.ra, signer, messageType }, issuer, serial);
    const reply = await this.#send(request, certificates.value.signer);
    if (!reply.ok) return reply;
    const { status, failInfo, failInfoText } = reply.value;
    if (status === 'FAILURE') return ok({ kind: 'refused', failInfo, text: failInfoText });
    const opened = status === 'PENDING' ? fail('The answer is PENDING, which look-ups never are.') : openReply(reply.value, replyKeyOf(request));
    return opened.ok ? ok({ kind: 'found', found: opened.value }) : opened;
  }

  /** PKCSReq or RenewalReq. */
  async enrol(options: EnrolmentOptions): Promise<Result<ScepOutcome, string>> {
    const capabilities = await this.capabilities();
    if (!capabilities.ok) return capabilities;
    const certificates = await this.certificates();
    if (!certificates.ok) return certificates;
    const { renews } = options;
    const isRenewal = renews !== undefined && capabilities.value.has('Renewal');
    const request = buildPkcsReq({
      ...options,
      recipient: certificates.value.ra,
      ...(renews && { signer: renews }),
      ...(isRenewal && { messageType: 'RenewalReq' as const }),
    });
    return this.#ask(request, options);
  }

  /** CertPoll, once. */
  async poll(pending: PendingEnrolment): Promise<Result<ScepOutcome, string>> {
    const certificates = await this.certificates();
    if (!certificates.ok) return certificates;
    const { ra, authorities } = certificates.value;
    const { signer, transactionId } = pending.request;
    const request = buildCertPoll({ recipient: ra, signer, transactionId }, authorities[0]?.subject ?? ra.issuer, pending.wanted.subject);
    return this.#ask(request, pending.wanted);
  }

  /** As `enrol`, polling every `everyMs` until there is a decision or `forMs` are over (then pending). */
  async enrolAndWait(options: EnrolmentOptions, everyMs = 2_000, forMs = 60_000): Promise<Result<ScepOutcome, string>> {
    const until = Date.now() + forMs;
    let outcome = await this.enrol(options);
    while (outcome.ok && outcome.value.kind === 'pending' && Date.now() + everyMs < until) {
      await sleep(everyMs);
      outcome = await this.poll(outcome.value.pending);
    }
    return outcome;
  }

  async #ask(request: ScepMessage, wanted: Wanted): Promise<Result<ScepOutcome, string>> {
    const certificates = await this.certificates();
    if (!certificates.ok) return certificates;
    const reply = await this.#send(request, certificates.value.signer);
    return reply.ok ? readOutcome(reply.value, request, wanted) : reply;
  }

  async #send(request: ScepMessage, ra: Certificate): Promise<Result<CertRep, string>> {
    const answer = await this.#exchange('PKIOperation', request.message);
    if (!answer.ok) return answer;
    if (answer.value.status !== 200) return fail(`PKIOperation was answered with HTTP ${answer.value.status}: ${answer.value.body.toString('utf8').trim()}`);
    if (answer.value.mediaType !== mediaTypes.pkiMessage) return fail(`PKIOperation was answered with ${answer.value.mediaType}.`);
    return readReply(answer.value.body, request, ra);
  }

  async #exchange(operation: string, message?: Buffer): Promise<Result<Answer, string>> {
    const url = new URL(this.#options.url);
    url.searchParams.set('operation', operation);
    const { isGetOnly, caIdentifier } = this.#options;
    const isGet = message === undefined || isGetOnly || !(this.#capabilities?.has('POSTPKIOperation') || this.#capabilities?.has('SCEPStandard'));
    if (message !== undefined && isGet) url.searchParams.set('message', message.toString('base64'));
    if (message === undefined && caIdentifier !== undefined) url.searchParams.set('message', caIdentifier);
    const headers: Record<string, string> = { 'User-Agent': 'gatehouse' };
    if (!isGet) headers['Content-Type'] = mediaTypes.pkiMessage;
    try {
      const signal = AbortSignal.timeout(this.#options.timeoutMs ?? 30_000);
      const response = await fetch(url, {
        method: isGet ? 'GET' : 'POST',
        headers,
        signal,
        redirect: 'error',
        ...(isGet ? {} : { body: message as Uint8Array<ArrayBuffer> }),
      });
      return ok({ status: response.status, mediaType: response.headers.get('content-type') ?? '', body: Buffer.from(await response.arrayBuffer()) });
    } catch (error) {
      return fail(`${url.origin} could not be asked: ${reasonOf(error)}`);
    }
  }
}

interface Answer {
  readonly status: number;
  readonly mediaType: string;
  readonly body: Buffer;
}

/** fetch hides the reason in `cause`. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function parsed(bytes: Buffer): Certificate[] {
  const certificate = parseCertificate(bytes);
  return certificate.ok ? [certificate.value] : [];
}

function isAuthority(certificate: Certificate): boolean {
  const constraints = basicConstraintsOf(certificate.extensions);
  return constraints.ok && constraints.value.ca;
}

/** RA certificates are those that are no CA's, told apart by keyUsage; a server with a CA alone is its own RA. */
function chooseRa(certificates: readonly Certificate[]): Result<ScepServerCertificates, string> {
  const others = certificates.filter((certificate) => !isAuthority(certificate));
  const ra = others.find((certificate) => mayBeUsedFor(certificate, 'keyEncipherment')) ?? others[0] ?? certificates[0];
  if (ra === undefined) return fail('The server showed no certificate that could be read.');
  const signer = mayBeUsedFor(ra, 'digitalSignature') ? ra : (others.find((certificate) => mayBeUsedFor(certificate, 'digitalSignature')) ?? ra);
  return ok({ ra, signer, authorities: certificates.filter(isAuthority) });
}

function mayBeUsedFor({ extensions }: Certificate, usage: KeyUsage): boolean {
  const usages = keyUsageOf(extensions);
  return usages.ok && (usages.value?.includes(usage) ?? true);
}

function checkPin(found: ScepServerCertificates, caSha256: Buffer | undefined): Result<ScepServerCertificates, string> {
  if (caSha256 === undefined) return ok(found);
  const { ra, signer, authorities } = found;
  const anchor = [...authorities, ra].find((certificate) => certificateFingerprint(certificate.der).equals(caSha256));
  if (anchor === undefined) return fail('None of the certificates of the server has the expected fingerprint.');
  const chains = [ra, signer].map((leaf) => buildChain({ leaf, intermediates: authorities, anchors: [anchor], at: new Date() }));
  const wrong = chains.find((chain) => !chain.ok);
  return wrong === undefined || wrong.ok ? ok(found) : fail(`The RA certificate does not stand under the expected CA (${wrong.error}).`);
}

/** Reads an answer: signed by the RA, for this transaction, for this nonce (RFC 8894 §3.2.1.5). */
function readReply(bytes: Buffer, request: ScepMessage, ra: Certificate): Result<CertRep, string> {
  const reply = readCertRep(bytes, ra);
  if (!reply.ok) return reply;
  if (reply.value.transactionId.toString('latin1') !== request.transactionId) return fail('The answer is for another transaction.');
  return reply.value.recipientNonce?.equals(request.senderNonce) ? reply : fail('The answer does not repeat our nonce.');
}

/** What the answer says, the certificate checked to be for the requested key. */
function readOutcome(reply: CertRep, request: ScepMessage, wanted: Wanted): Result<ScepOutcome, string> {
  const { status, failInfo, failInfoText } = reply;
  if (status === 'FAILURE') return ok({ kind: 'refused', failInfo, text: failInfoText });
  if (status === 'PENDING') return ok({ kind: 'pending', pending: { request, wanted } });
  const opened = openReply(reply, replyKeyOf(request));
  if (!opened.ok) return opened;
  const [certificate] = opened.value.certificates.flatMap((item) => parsed(item));
  if (certificate === undefined) return fail('The answer holds no certificate that could be read.');
  if (!certificate.publicKey.spki.equals(wanted.key.publicKey.spki)) return fail('The certificate is for another key than the requested one.');
  return ok({ kind: 'issued', certificate });
}

/** An RSA key decrypts; for any other the challenge of the request is the password (RFC 8894 §3.1). */
export function replyKeyOf({ signer, challenge = '' }: ScepMessage): ReplyKey {
  const { certificate, privateKey } = signer;
  return certificate.publicKey.type === 'rsa' ? { certificate, unwrapper: createKeyUnwrapper(privateKey) } : { password: Buffer.from(challenge, 'utf8') };
}
