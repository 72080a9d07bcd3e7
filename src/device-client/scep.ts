/** A SCEP device: GetCACaps, GetCACert, GetNextCACert, PKCSReq, RenewalReq, CertPoll, GetCert, GetCRL over HTTP (RFC 8894). */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Certificate, type CertificateList, type Digest, type Extension, type Name, parseCrl } from '../pkix/index.js';
import type { CmsSigner, ContentCipher } from '../protocol/cms/index.js';
import {
  type CertRep,
  mediaTypes,
  openReply,
  type ReplyContent,
  readCaCertificates,
  readCapabilities,
  readNextCaCertificates,
  type ScepFailInfo,
} from '../protocol/scep/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { checkPin, chooseRa, parsed, type ScepServerCertificates } from './scep-certificates.js';
import { buildCertPoll, buildGetCert, buildPkcsReq, type DeviceKey, type ScepMessage } from './scep-message.js';
import { type PendingEnrolment, readOutcome, readReply, replyKeyOf, type ScepOutcome, type Wanted } from './scep-outcome.js';
import { exchangeScep, type ScepTransportOptions } from './scep-transport.js';

export type { ScepServerCertificates } from './scep-certificates.js';
export * from './scep-message.js';
export { type PendingEnrolment, replyKeyOf, type ScepOutcome } from './scep-outcome.js';

export interface ScepClientOptions extends ScepTransportOptions {
  /** SHA-256 of a CA certificate that must be among those the server shows, and under which the RA must stand. */
  readonly caSha256?: Buffer;
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
    const answer = await exchangeScep(this.#options, 'GetCACaps');
    if (!answer.ok) return answer;
    this.#capabilities = answer.value.status === 200 ? readCapabilities(answer.value.body.toString('latin1')) : new Set();
    return ok(this.#capabilities);
  }

  /** GetCACert, with the RA told from the CAs and, where a fingerprint is pinned, checked under it. */
  async certificates(): Promise<Result<ScepServerCertificates, string>> {
    if (this.#certificates !== undefined) return ok(this.#certificates);
    const answer = await exchangeScep(this.#options, 'GetCACert');
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
    const answer = await exchangeScep(this.#options, 'GetNextCACert');
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
    const answer = await exchangeScep(this.#options, 'PKIOperation', { message: request.message, isPostTaken: this.#takesPost() });
    if (!answer.ok) return answer;
    if (answer.value.status !== 200) return fail(`PKIOperation was answered with HTTP ${answer.value.status}: ${answer.value.body.toString('utf8').trim()}`);
    if (answer.value.mediaType !== mediaTypes.pkiMessage) return fail(`PKIOperation was answered with ${answer.value.mediaType}.`);
    return readReply(answer.value.body, request, ra);
  }

  #takesPost(): boolean {
    return this.#capabilities?.has('POSTPKIOperation') === true || this.#capabilities?.has('SCEPStandard') === true;
  }
}
