import { createLoopShare } from '../runtime/loop-share.js';
import { loadLimits } from './overload.js';

/**
 * The turns in which the messages of this process are begun once they are read: bodies that were held back and then end together would
 * otherwise be computed together. It bounds nothing by itself: how many messages there are is bounded where their heads come in.
 */
export const messageTurns = createLoopShare(loadLimits.turnMs);
