import type { DelayedAnswer, DelayedAnswerStore } from '../../src/enrolment/delayed-answers.js';
import type { Clock } from '../../src/runtime/clock.js';

const dayMs = 86_400_000;

/** Delayed answers in memory, as the contract says. */
export function memoryDelayedAnswers(clock: Clock): DelayedAnswerStore {
  const answers = new Map<string, DelayedAnswer & { readonly tenantId: string }>();
  const nameOf = (key: Buffer) => key.toString('hex');
  const change = (tenantId: string, key: Buffer, fields: Partial<DelayedAnswer>) => {
    const known = answers.get(nameOf(key));
    if (known?.tenantId === tenantId) answers.set(nameOf(key), { ...known, ...fields });
  };
  return {
    async announce({ tenantId }, key, requester, session) {
      if (answers.has(nameOf(key))) return false;
      answers.set(nameOf(key), { tenantId, requester, session, since: clock.now(), answer: null });
      return true;
    },
    async complete({ tenantId }, key, answer) {
      if (answers.get(nameOf(key))?.answer === null) change(tenantId, key, { answer });
    },
    async find({ tenantId }, key) {
      const found = answers.get(nameOf(key));
      if (found === undefined || found.tenantId !== tenantId) return undefined;
      const { tenantId: _, ...answer } = found;
      return answer;
    },
    async updateSession({ tenantId }, key, session, expected = {}) {
      const known = answers.get(nameOf(key));
      if (known === undefined || Object.entries(expected).some(([field, value]) => known.session[field] !== value)) return false;
      change(tenantId, key, { session: { ...known.session, ...session } });
      return true;
    },
    async forget() {
      const old = [...answers].filter(([, { since }]) => since.getTime() < clock.now().getTime() - dayMs);
      for (const [name] of old) answers.delete(name);
      return old.length;
    },
  };
}
