import { type Certificate, nameToText, serialHex } from '../pkix/index.js';
import type { Result } from '../runtime/result.js';

/** One thing that a device did, in words. */
export interface TrialStep {
  /** As the standard names it: `GetCACaps`, `PKCSReq`, `ir`, `certConf`, ... */
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly ms: number;
}

/** `pending`: the server has not decided yet. `failed`: something other than a refusal kept the device from an answer. */
export type TrialOutcome = 'issued' | 'pending' | 'refused' | 'failed';

/** An enrolment from beginning to end, as the device saw it. */
export interface Trial {
  readonly outcome: TrialOutcome;
  readonly steps: readonly TrialStep[];
  /** As the order shows it; absent where no request was sent. */
  readonly transactionId?: string;
}

export interface Said {
  readonly ok: boolean;
  readonly detail: string;
}

/** What a device did so far; steps of one name in a row (polls) are one, with the time of all of them. */
export class TrialSteps {
  readonly #steps: TrialStep[] = [];

  get all(): readonly TrialStep[] {
    return this.#steps;
  }

  add(step: TrialStep): void {
    const last = this.#steps.at(-1);
    if (last?.name !== step.name) this.#steps.push(step);
    else this.#steps.splice(-1, 1, { ...step, ms: last.ms + step.ms });
  }

  /** Does one step and notes how it went; undefined when it failed. Words are made of what came of it. */
  async run<T>(name: string, work: () => Promise<Result<T, string>>, words: (value: T) => Said): Promise<T | undefined> {
    const begun = performance.now();
    const done = await work();
    const said = done.ok ? words(done.value) : { ok: false, detail: done.error };
    this.add({ name, ...said, ms: Math.round(performance.now() - begun) });
    return done.ok ? done.value : undefined;
  }

  /** What a later look showed of the last step. */
  correctLast(said: Said): void {
    const last = this.#steps.at(-1);
    if (last !== undefined) this.#steps.splice(-1, 1, { ...last, ...said });
  }
}

/** The last step of an enrolment that went well. */
export function certificateStep(certificate: Certificate): TrialStep {
  const { subject, issuer, serial, notAfter } = certificate;
  const detail = `${nameToText(subject)}, serial number ${serialHex(serial)}, issued by ${nameToText(issuer)}, valid until ${notAfter.toISOString()}.`;
  return { name: 'certificate', ok: true, detail, ms: 0 };
}
