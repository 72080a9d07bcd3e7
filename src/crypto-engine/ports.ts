import type { Eventually } from '../runtime/eventually.js';
import type { Result } from '../runtime/result.js';

/** `next`: prepared and announced; `active`: issues (or is the root); `retired`: only its CRL goes on. */
export const engineCaStates = ['next', 'active', 'retired'] as const;
export type EngineCaState = (typeof engineCaStates)[number];

/** A certification authority of the embedded engine. */
export interface EngineCa {
  /** Short name in URLs: `root`, `issuing`, then `issuing-2`, ... */
  readonly id: string;
  /** DER. */
  readonly certificate: Buffer;
  /** PKCS#8, DER. */
  readonly privateKey: Buffer;
  /** Id of the CA that issued it; itself for a root. */
  readonly parentId: string;
  readonly state: EngineCaState;
  /** When a CA in state `next` takes over. */
  readonly activatesAt: Date | null;
  readonly createdAt: Date;
}

export type NewEngineCa = Omit<EngineCa, 'createdAt' | 'state' | 'activatesAt'>;

export interface EngineRevocation {
  /** lower-case hexadecimal */
  readonly serial: string;
  readonly revokedAt: Date;
  /** CRLReason number (RFC 5280 section 5.3.1). */
  readonly reason: number;
}

/** A certificate of the engine with what became of it. */
export interface RecordedCertificate {
  /** Under which it was issued. */
  readonly ref: string;
  /** DER. */
  readonly certificate: Buffer;
  readonly revokedAt: Date | null;
  /** CRLReason number; null while not revoked. */
  readonly reason: number | null;
}

/** As `RecordedCertificate`, in a list by the time of issue. */
export interface IssuedCertificate extends RecordedCertificate {
  /** lower-case hexadecimal */
  readonly serial: string;
  readonly issuedAt: Date;
}

/** A key that signs OCSP answers for one CA (RFC 6960 section 4.2.2.2). */
export interface OcspSigner {
  readonly caId: string;
  /** Of its certificate, lower-case hexadecimal. */
  readonly serial: string;
  /** DER. */
  readonly certificate: Buffer;
  /** PKCS#8, DER. */
  readonly privateKey: Buffer;
  readonly notAfter: Date;
}

export interface OcspAnswer {
  /** OCSPResponse, DER. */
  readonly der: Buffer;
  /** For answers that caches may keep; undefined for what holds for this request only. */
  readonly validity: { readonly thisUpdate: Date; readonly nextUpdate: Date } | undefined;
}

/** What the engine keeps; keys are sealed under the master key by the store. */
export interface EngineStore {
  addCa(ca: NewEngineCa): Promise<void>;
  /** The issuing CA to come; false when one is prepared already. This and the next two also tell every process that the CAs have changed. */
  addNextCa(ca: NewEngineCa, activatesAt: Date, actor: string): Promise<boolean>;
  /** `next` becomes `active`, and the issuing CA that was retires, in one commit; false when it is not `next` (any more). */
  activateCa(id: string, actor: string): Promise<boolean>;
  /** A CA that is `next` and shall not come after all. */
  retireCa(id: string, actor: string): Promise<boolean>;
  listCas(): Promise<readonly EngineCa[]>;
  /** Records a certificate under `ref`; when the ref is taken, returns the certificate that stands there instead. */
  record(caId: string, ref: string, certificate: Buffer, serial: string, notAfter: Date): Promise<Buffer>;
  findByRef(ref: string): Promise<{ readonly caId: string; readonly certificate: Buffer } | undefined>;
  findBySerial(caId: string, serial: string): Promise<RecordedCertificate | undefined>;
  /** Certificates recorded one by one under refs that begin so, by the time of their issue; `after`: the last one of the page before. */
  listByRef(
    prefix: string,
    from: Date,
    to: Date,
    after: Pick<IssuedCertificate, 'issuedAt' | 'serial'> | undefined,
    limit: number,
  ): Promise<readonly IssuedCertificate[]>;
  /** false when the serial is not of this CA; revoking twice keeps the first time, and the reason unless that was certificateHold. */
  revoke(caId: string, serial: string, reason: number, at: Date): Promise<boolean>;
  /** Takes a certificate on hold from the list; false when the serial is not of this CA, or is revoked for good. */
  release(caId: string, serial: string): Promise<boolean>;
  revocations(caId: string): Promise<readonly EngineRevocation[]>;
  /** The number for the next CRL of this CA: 1, 2, 3, ... */
  nextCrlNumber(caId: string): Promise<number>;
  /** The newest first. */
  listOcspSigners(caId: string): Promise<readonly OcspSigner[]>;
  /** Beside those that are there; those whose certificate has ended go. */
  addOcspSigner(signer: OcspSigner): Promise<void>;
}

/** What a client of the engine's HTTP API may do. */
export const engineScopes = ['ca.read', 'ca.issue', 'ca.revoke'] as const;
export type EngineScope = (typeof engineScopes)[number];

/** A client of the engine's HTTP API. */
export interface EngineClient {
  readonly id: string;
  /** Letters, digits, dots, dashes: it stands in the refs of what it orders. */
  readonly clientId: string;
  readonly name: string;
  readonly scopes: readonly EngineScope[];
  readonly createdAt: Date;
  readonly secretSetAt: Date;
}

/** Every change writes its audit event and tells every process. */
export interface EngineClientStore {
  listClients(): Promise<readonly (EngineClient & { readonly secretHash: Buffer })[]>;
  /** False when the client id is taken. */
  addClient(client: Pick<EngineClient, 'id' | 'clientId' | 'name' | 'scopes'> & { readonly secretHash: Buffer }, actor: string): Promise<boolean>;
  /** False when there is no such client; the same holds for the next. */
  setClientSecret(id: string, secretHash: Buffer, actor: string): Promise<boolean>;
  removeClient(id: string, actor: string): Promise<boolean>;
}

/** What the engine is asked to certify; names and extensions are the caller's decision. */
export interface SigningRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** Name, DER. */
  readonly subject: Buffer;
  /** GeneralName elements, DER. */
  readonly sans: readonly Buffer[];
  readonly keyUsage: readonly string[];
  /** OIDs. */
  readonly extendedKeyUsage: readonly string[];
  /** seconds */
  readonly validitySeconds: number;
  /** seconds */
  readonly backdateSeconds: number;
}

/** What operators see of a CA. */
export type EngineCaView = Pick<EngineCa, 'id' | 'certificate' | 'state' | 'activatesAt' | 'createdAt'>;

export interface PublishedCrl {
  /** DER. */
  readonly der: Buffer;
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
}

export interface SignedByEngine {
  readonly caId: string;
  /** DER. */
  readonly certificate: Buffer;
}

/** The engine inside this process. Keys are loaded by `ensureCas`; methods that need them throw before it. */
export interface Engine {
  /** Loads the CAs, creates them on the first start; idempotent, also between processes that start at once. */
  ensureCas(): Promise<void>;
  /** Signs without recording; the serial is fresh and random. Refuses in words what it cannot certify; may reject where it signs later. */
  sign(request: SigningRequest): Eventually<Result<SignedByEngine, string>>;
  /** As `sign`, for the key of another CA: a CA certificate by the root, path length 0. */
  signAuthority(request: SigningRequest): Eventually<Result<SignedByEngine, string>>;
  /** Signs and records under `ref`; a ref that was used before gets the certificate that stands there. */
  issue(ref: string, request: SigningRequest): Promise<Result<Buffer, string>>;
  lookup(ref: string): Promise<Buffer | undefined>;
  /** What was issued under refs that begin so, in a page of `limit`. */
  listByRef: EngineStore['listByRef'];
  /** `serial`: lower-case hexadecimal. */
  find(caId: string, serial: string): Promise<RecordedCertificate | undefined>;
  /** Idempotent; refuses certificates that are not of this engine. `reason`: CRLReason number; removeFromCRL (8) releases one on hold. */
  revoke(certificate: Buffer, reason: number): Promise<Result<true, string>>;
  /** The current CRL of a CA; undefined when there is no such CA. */
  crl(caId: string): Promise<PublishedCrl | undefined>;
  /** Reads the CAs again: another process may have prepared or activated one. */
  reload(): Promise<void>;
  /** Root first, then issuing CAs by age. */
  cas(): readonly EngineCaView[];
  /** Ids of the issuing CA and of those before it, the current one first. */
  issuingIds(): readonly string[];
  /** Makes the issuing CA that follows, under the same root; in words why not. */
  prepareNext(activatesAt: Date, actor: string): Promise<Result<EngineCaView, string>>;
  /** Lets a prepared CA take over now; false when there is no such CA in state `next`. */
  activateNext(id: string, actor: string): Promise<boolean>;
  /** Gives a prepared CA up. */
  cancelNext(id: string, actor: string): Promise<boolean>;
  /** The chain of the CA that follows, and its certificates ahead of time; undefined while none is prepared. */
  next(): { readonly chain: readonly Buffer[]; issue(ref: string, request: SigningRequest): Promise<Result<Buffer, string>> } | undefined;
  /** The current CRL of the issuing CA with this Name (DER); undefined when it is none of this engine's. */
  crlOf(issuer: Buffer): Promise<PublishedCrl | undefined>;
  /** Answers an OCSPRequest (DER) for any of the CAs; never rejects. */
  ocsp(request: Buffer): Promise<OcspAnswer>;
  /** Makes the keys that answer for the CAs in force where there is none that lasts. Returns how many were made. */
  renewOcspSigners(): Promise<number>;
  /** Issuing CA first, root last, DER. */
  chain(): readonly Buffer[];
  /** DER; undefined when there is no such CA. */
  certificateOf(caId: string): Buffer | undefined;
}
