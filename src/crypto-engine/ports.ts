/** A certification authority of the embedded engine. */
export interface EngineCa {
  /** Short name in URLs: `root`, `issuing`. */
  readonly id: string;
  /** DER. */
  readonly certificate: Buffer;
  /** PKCS#8, DER. */
  readonly privateKey: Buffer;
  /** Id of the CA that issued it; itself for a root. */
  readonly parentId: string;
  readonly createdAt: Date;
}

export interface EngineRevocation {
  /** lower-case hexadecimal */
  readonly serial: string;
  readonly revokedAt: Date;
  /** CRLReason number (RFC 5280 section 5.3.1). */
  readonly reason: number;
}

/** What the engine keeps; keys are sealed under the master key by the store. */
export interface EngineStore {
  addCa(ca: Omit<EngineCa, 'createdAt'>): Promise<void>;
  listCas(): Promise<readonly EngineCa[]>;
  /** Records a certificate under `ref`; when the ref is taken, returns the certificate that stands there instead. */
  record(caId: string, ref: string, certificate: Buffer, serial: string, notAfter: Date): Promise<Buffer>;
  findByRef(ref: string): Promise<{ readonly caId: string; readonly certificate: Buffer } | undefined>;
  /** false when the serial is not of this CA; revoking twice keeps the first time and reason. */
  revoke(caId: string, serial: string, reason: number, at: Date): Promise<boolean>;
  revocations(caId: string): Promise<readonly EngineRevocation[]>;
  /** The number for the next CRL of this CA: 1, 2, 3, ... */
  nextCrlNumber(caId: string): Promise<number>;
}
