import type { IssuedCertificate } from '../../../src/enrolment/ports.js';
import type { Core } from '../core.js';

/** A core starts afresh after so many messages, so that its look-ups stay small and orders still meet earlier ones. */
const messagesPerCore = 150;

/** One core for each place, replaced from time to time. */
export class Stages<P> {
  readonly #make: (place: P) => Core;
  readonly #cores = new Map<P, { core: Core; messages: number }>();

  constructor(make: (place: P) => Core) {
    this.#make = make;
  }

  at(place: P): Core {
    const standing = this.#cores.get(place);
    const stage = standing === undefined || standing.messages >= messagesPerCore ? { core: this.#make(place), messages: 0 } : standing;
    stage.messages += 1;
    this.#cores.set(place, stage);
    return stage.core;
  }
}

/** Finds what was issued before by its SHA-256. */
export function finder(issuedBefore: readonly IssuedCertificate[]): (sha256: Buffer) => IssuedCertificate | undefined {
  const issued = new Map(issuedBefore.map((item) => [item.sha256.toString('hex'), item]));
  return (sha256) => issued.get(sha256.toString('hex'));
}
