/** An audit event with its place in the chain, as it is exported and hashed. */
export interface ChainedEvent {
  /** 1, 2, 3, ... over all nodes. */
  readonly seq: number;
  readonly bootId: string;
  /** 1, 2, 3, ... of this boot. */
  readonly nodeSeq: number;
  readonly nodeId: string;
  /** UTC with microseconds: `2026-01-31T12:00:00.000000Z`. */
  readonly at: string;
  readonly tenantId: string | null;
  readonly actor: string;
  readonly action: string;
  readonly object: string;
  readonly outcome: string;
  /** Canonical JSON (RFC 8785). */
  readonly details: string;
}

/** The bytes that are hashed: canonical JSON (RFC 8785), members in the order of their names; `details` stands in it as it is stored. */
export function eventText(event: ChainedEvent): string {
  const word = (value: string): string => JSON.stringify(value);
  const tenant = event.tenantId === null ? 'null' : word(event.tenantId);
  return `{"action":${word(event.action)},"actor":${word(event.actor)},"at":${word(event.at)},"bootId":${word(event.bootId)},"details":${event.details},"nodeId":${word(event.nodeId)},"nodeSeq":${event.nodeSeq},"object":${word(event.object)},"outcome":${word(event.outcome)},"seq":${event.seq},"tenantId":${tenant}}`;
}

/** A line of an export: the chain's hash after this event (SHA-256, hexadecimal), and the event's very bytes. */
export function eventLine(text: string, hash: Buffer): string {
  return `{"hash":"${hash.toString('hex')}","event":${text}}`;
}

export function checkpointLine(note: string): string {
  return JSON.stringify({ checkpoint: note });
}
