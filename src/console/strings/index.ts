import { audit, dashboard, decoder, tenants } from './administration.js';
import { connectors } from './connectors.js';
import { common } from './everywhere.js';
import { bulk, lists } from './lists.js';
import { accounts, approvals, certificates, orders, refusals } from './orders.js';
import { cards, cmp, profiles, scep } from './profiles.js';
import { login, shell } from './shell.js';

/**
 * The words of the console in one table: another language is another table of this shape. Those of pages that are seldom opened stand in
 * files of their own beside this one (`people`), which come with the page.
 */
export const words = {
  ...{ common, shell, login, cards, bulk, lists, profiles, cmp, scep, connectors },
  ...{ orders, approvals, refusals, certificates, accounts, audit, tenants, decoder, dashboard },
} as const;
