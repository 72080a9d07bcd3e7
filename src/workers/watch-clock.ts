import type { Log } from '../runtime/log.js';
import type { Job } from './loop.js';

/** Whether the node's clock agrees with the database's; undefined where the database does not answer. */
export type ClockCheck = () => Promise<boolean | undefined>;

export interface ClockWatch {
  readonly job: Job;
  /** As it was found last; a database that is away says nothing of the clock. */
  isWrong(): boolean;
}

/**
 * Looks every few seconds. What a node with a wrong clock says of times (badTime, an expired certificate) would be final for a device: it is
 * to answer nothing of the kind, so that the device comes again, elsewhere or later (fault point F18).
 */
export function watchClock(isRight: ClockCheck, log: Log): ClockWatch {
  let isWrong = false;
  return {
    isWrong: () => isWrong,
    job: {
      name: 'watch-clock',
      everyMs: 2_000,
      async run() {
        const found = await isRight();
        if (found === undefined || found === !isWrong) return;
        isWrong = !found;
        if (isWrong) log.error('the clock of this node differs from the database’s by more than two seconds: devices get 503 until it is set right');
        else log.info('the clock of this node agrees with the database’s again');
      },
    },
  };
}
