import t from 'tap';
import type { EnrolmentDeps } from '../../src/enrolment/service.js';
import { stoppedClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { endConfirmationsJob } from '../../src/workers/end-confirmations.js';

t.test("R6 F18 waits for confirmations end by the database's time: a node whose clock is ahead revokes nothing early", async (t) => {
  const now = new Date('2030-01-01T00:00:00Z');
  const asked: Date[] = [];
  const orders = {
    endConfirmations: async (_context: unknown, at: Date) => {
      asked.push(at);
      return 0;
    },
  } as unknown as EnrolmentDeps['orders'];
  const parts = { orders, clock: stoppedClock(new Date(now.getTime() + 3_600_000)), log: createLog('fatal') };
  await endConfirmationsJob(parts, async () => now).run();
  t.same(asked, [now]);
  const away = endConfirmationsJob(parts, () => Promise.reject(new Error('the database is away')));
  await t.rejects(away.run(), /away/, 'and without that time nothing ends');
  t.equal(asked.length, 1);
});
