/** Every way bytes can fail to be what a reader expects; one row each. */
export const derFaults = {
  'too-large': 'The message is larger than the limit.',
  'too-deep': 'The message is nested deeper than the limit.',
  'too-many-nodes': 'The message has more elements than the limit.',
  truncated: 'An element runs past the end of its container.',
  'bad-tag': 'An element has another tag than its place requires.',
  'bad-length': 'A length is not encoded in its shortest form.',
  'bad-value': 'A value is not encoded as its type requires.',
  trailing: 'There are bytes after the end.',
} as const;

export type DerFault = keyof typeof derFaults;

/** Thrown by readers below the gateway (`decode`), which turns it into a `Result`; `offset` counts bytes from the start of the buffer read. */
export class DerError extends Error {
  readonly fault: DerFault;
  readonly offset: number;

  constructor(fault: DerFault, offset: number, detail = '') {
    super(`${derFaults[fault]}${detail === '' ? '' : ` ${detail}`} (at byte ${offset})`);
    this.fault = fault;
    this.offset = offset;
  }
}
