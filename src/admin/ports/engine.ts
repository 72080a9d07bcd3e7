import type { Result } from '../../runtime/result.js';

export interface EngineCaRow {
  readonly id: string;
  /** DER. */
  readonly certificate: Buffer;
  readonly state: 'next' | 'active' | 'retired';
  readonly activatesAt: Date | null;
  readonly createdAt: Date;
}

/** The embedded engine, as far as its CAs follow one another. Each change writes its audit event. */
export interface EngineCaDesk {
  reload(): Promise<void>;
  cas(): readonly EngineCaRow[];
  prepareNext(activatesAt: Date, actor: string): Promise<Result<EngineCaRow, string>>;
  activateNext(id: string, actor: string): Promise<boolean>;
  cancelNext(id: string, actor: string): Promise<boolean>;
}

/** What a client of the engine's API may do. */
export const engineScopes = ['ca.read', 'ca.issue', 'ca.revoke'] as const;

export interface EngineClientRow {
  readonly id: string;
  readonly clientId: string;
  readonly name: string;
  readonly scopes: readonly (typeof engineScopes)[number][];
  readonly createdAt: Date;
  readonly secretSetAt: Date;
}

interface EngineClientWithSecret {
  readonly client: EngineClientRow;
  readonly clientSecret: string;
}

/** The clients of the engine's API. Each change writes its audit event. */
export interface EngineClientDesk {
  list(): Promise<readonly EngineClientRow[]>;
  /** Undefined when the client id is taken. */
  create(client: Pick<EngineClientRow, 'clientId' | 'name' | 'scopes'>, actor: string): Promise<EngineClientWithSecret | undefined>;
  /** Undefined when there is no such client. */
  rotateSecret(id: string, actor: string): Promise<EngineClientWithSecret | undefined>;
  remove(id: string, actor: string): Promise<boolean>;
}
