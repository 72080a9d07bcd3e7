import type { Checkpoint, CheckpointKey } from './checkpoint.js';

/** That an event is among those a checkpoint signs. */
export interface InclusionProof {
  readonly seq: number;
  /** The event's very bytes. */
  readonly event: string;
  /** Audit path (RFC 9162 section 2.1.3), from the event's neighbour up; 32 bytes each. */
  readonly path: readonly Buffer[];
  /** The checkpoint that it leads to. */
  readonly note: string;
  readonly size: number;
}

export interface KeptCheckpoint {
  readonly size: number;
  readonly note: string;
  readonly signedAt: Date;
}

/** How far the chain is behind what was written. */
export interface ChainState {
  /** Events in the chain. */
  readonly sealed: number;
  /** Committed and not yet in the chain. */
  readonly unsealed: number;
  /** Of the last checkpoint. */
  readonly signed: number;
  /** Seconds since the oldest event that no checkpoint covers was sealed; 0 where all are covered. */
  readonly unsignedSeconds: number;
}

/** The order of all audit events over all nodes. */
export interface AuditChain {
  /** Puts up to 500 committed events into the chain; 0 also while another node does. */
  seal(): Promise<number>;
  /**
   * Signs the chain as it stands; undefined where the last checkpoint covers everything already. `due`: only when the last one is a minute old,
   * or ten seconds where 1,000 events came since. Default `now`.
   */
  sign(when?: 'now' | 'due'): Promise<Checkpoint | undefined>;
  key(): Promise<CheckpointKey>;
  state(): Promise<ChainState>;
  /** Ascending by size. */
  checkpoints(after: number, limit: number): Promise<readonly KeptCheckpoint[]>;
  /** Everything that a checkpoint covers, as lines without their ends (docs/audit.md). */
  export(): AsyncGenerator<string>;
  /** Undefined while no checkpoint covers the event. */
  proofOf(bootId: string, nodeSeq: number): Promise<InclusionProof | undefined>;
}

/** Most events of one `seal`: fewer mean that nothing older is left. Whoever goes on until nothing comes back would never end on a busy server. */
export const sealedAtOnce = 500;
