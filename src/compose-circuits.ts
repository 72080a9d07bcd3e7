import type { Circuits } from './connectors/circuits.js';
import type { Backlog } from './enrolment/backlog.js';
import type { Store } from './store/store.js';
import type { Job } from './workers/loop.js';

/** What every process hears of the others each second, since every one may call a CA: which are taken for down, and how much waits for each. */
export function shareCircuitsJob(circuits: Circuits, backlog: Backlog, store: Pick<Store, 'circuits'>): Job {
  return {
    name: 'share-circuits',
    everyMs: 1_000,
    async run() {
      await circuits.share(store.circuits);
      backlog.update(await store.circuits.waiting());
    },
  };
}
