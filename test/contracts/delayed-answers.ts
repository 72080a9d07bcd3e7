import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import type { DelayedAnswerStore } from '../../src/enrolment/delayed-answers.js';
import { newTenant, system } from '../support/orders.js';

/** What every store of delayed answers does. */
export async function delayedAnswerContract(t: Test, answers: DelayedAnswerStore): Promise<void> {
  t.test('CMP-150 an answer is announced once, completed once, and found by its key and tenant', async (t) => {
    const tenant = newTenant();
    const [key, requester] = [randomBytes(32), randomBytes(32)];
    t.equal(await answers.find(tenant, key), undefined);
    const announced = await Promise.all(Array.from({ length: 5 }, () => answers.announce(tenant, key, requester, { polls: 0 })));
    t.equal(announced.filter((isFirst) => isFirst).length, 1);
    t.match(await answers.find(tenant, key), { requester, session: { polls: 0 }, since: Date, answer: null });
    t.equal(await answers.updateSession(tenant, key, { polls: 1, nonce: 'ab' }), true);
    t.equal(await answers.updateSession(tenant, key, { nonce: 'cd' }, { nonce: 'aa' }), false, 'it stands elsewhere by now');
    t.equal(await answers.updateSession(tenant, key, { nonce: 'ab' }, { nonce: 'ab' }), true);
    await answers.complete(newTenant(), key, Buffer.from('of another tenant'));
    await answers.complete(tenant, key, Buffer.from('first'));
    await answers.complete(tenant, key, Buffer.from('second'));
    t.match(await answers.find(tenant, key), { session: { polls: 1, nonce: 'ab' }, answer: Buffer.from('first') });
    t.equal(await answers.find(newTenant(), key), undefined);
    await answers.forget(system);
    t.ok(await answers.find(tenant, key), 'a young one is not forgotten');
  });
}
