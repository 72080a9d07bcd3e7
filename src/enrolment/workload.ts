/** Which kinds of background work there is at all. */
export interface Workload {
  /** Orders that wait for an approval, a CA call or an answer. */
  readonly openOrders: boolean;
  /** Revocations, notices and mails that are to be sent. */
  readonly outbox: boolean;
  /** Certificates whose devices have yet to confirm them. */
  readonly confirmations: boolean;
}

export interface WorkloadReader {
  read(): Promise<Workload>;
}
