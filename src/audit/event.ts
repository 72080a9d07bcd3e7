/** An entry of the audit trail. `details` is plain JSON without secrets; the store writes it canonically (RFC 8785). */
export interface AuditEvent {
  readonly at: Date;
  readonly tenantId: string | null;
  readonly actor: string;
  /** `order.issued`, `profile.updated`, `token.created`, ... */
  readonly action: string;
  /** `order:<id>`, `profile:<id>`, ... */
  readonly object: string;
  readonly outcome: 'success' | 'failure';
  readonly details: Readonly<Record<string, unknown>>;
}

/** For events that do not change a row themselves (a failed login, a refused challenge). State changes write theirs in their own transaction. */
export interface AuditLog {
  append(event: AuditEvent): Promise<void>;
}
