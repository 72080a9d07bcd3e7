/** One CA as profiles use it: their connector, with the settings that they lay over it as JSON. */
export interface IssuerName {
  readonly connectorId: string;
  readonly tenantId: string;
  readonly overrides: string;
}

/** What a CA outside shows of itself. */
export interface IssuerView {
  /** Issuing CA first, root last, DER. */
  readonly chain: readonly Buffer[];
  /** DER; undefined where the CA gives none. */
  readonly crl: Buffer | undefined;
}

/** What nodes that may call the CAs have seen there, for nodes that may not. */
export interface IssuerViews {
  find(name: IssuerName): Promise<IssuerView | undefined>;
  /** True for one caller of all, and then for nobody for so many milliseconds. */
  claim(name: IssuerName, forMs: number): Promise<boolean>;
  put(name: IssuerName, view: IssuerView): Promise<void>;
}
