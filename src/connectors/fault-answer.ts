import { caRefusalOf, type IssuerAnswer } from '../enrolment/ports.js';

/** What a CA said instead of issuing, in its connector's words. */
export interface CaFault {
  readonly code: string;
  readonly verdict: 'refused' | 'notSent' | 'uncertain';
  readonly reason: string;
}

/** The same as an answer to the core. */
export function faultAnswer({ code, verdict, reason }: CaFault): IssuerAnswer {
  return verdict === 'refused' ? { kind: verdict, reason, ...caRefusalOf(code) } : { kind: verdict, reason };
}
