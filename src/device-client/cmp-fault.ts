import type { Certificate } from '../pkix/index.js';
import type { FailInfo, PkiStatusInfo } from '../protocol/cmp/index.js';
import { fail, type Result } from '../runtime/result.js';

export type CmpClientFault =
  /** The server refused, in a message whose protection was verified or not. */
  | { readonly kind: 'refused'; readonly failInfo: readonly FailInfo[]; readonly text: string; readonly isVerified: boolean }
  | { readonly kind: 'unreachable'; readonly text: string }
  | { readonly kind: 'http'; readonly status: number }
  /** An answer that no sound server sends, or one that could not be verified. */
  | { readonly kind: 'invalid-answer'; readonly text: string }
  /** The server wants a cipher text for this key of its own first. */
  | { readonly kind: 'kem-demanded'; readonly certificate: Certificate }
  | { readonly kind: 'timeout' };

export type Step<T> = Promise<Result<T, CmpClientFault>>;

/** A refusal in the words of the server. */
export function refused(status: PkiStatusInfo, isVerified: boolean): Result<never, CmpClientFault> {
  return fail({ kind: 'refused', failInfo: status.failInfo ?? [], text: status.statusString?.join(' ') ?? '', isVerified });
}

/** An answer that no sound server sends. */
export function invalid(text: string): Result<never, CmpClientFault> {
  return fail({ kind: 'invalid-answer', text });
}

/** What went wrong, as a sentence for people. */
export function faultText(fault: CmpClientFault): string {
  switch (fault.kind) {
    case 'refused': {
      const why = [fault.failInfo.join(', '), fault.text.replace(/\.$/, '')].filter((part) => part !== '').join(': ');
      return `Refused${why === '' ? '' : `: ${why}`}${fault.isVerified ? '' : ' (the answer could not be verified)'}.`;
    }
    case 'http':
      return `The server answered with HTTP ${fault.status}.`;
    case 'unreachable':
      return `The server could not be asked: ${fault.text}.`;
    case 'invalid-answer':
      return fault.text;
    case 'kem-demanded':
      return 'The server wants a cipher text for another KEM key than the one that was given.';
    case 'timeout':
      return 'There was no final answer in time; the order may still be pending.';
  }
}
