import type { Migration } from './migration.js';

/**
 * The state of the orders that someone has to look at, for lists of one such state; null for the great majority, whose certificate was issued and
 * arrived. No index holds `state` itself any more: noting a delivery then changes one row and no index (a HOT update), given room on
 * the page of the row.
 */
export const watchedState: Migration = {
  name: '0017-watched-state',
  statements: [
    `alter table orders add column watched_state text generated always as (
      case when state in ('ISSUED', 'DELIVERED', 'CONFIRMED') then null else state end) stored`,
    'drop index orders_state_idx',
    'create index orders_watched_idx on orders (watched_state, id) where watched_state is not null',
    'alter table orders set (fillfactor = 70)',
  ],
};
