import { audit, dashboard, decoder, tenants } from './administration.js';
import { connectors } from './connectors.js';
import { common } from './everywhere.js';
import { accounts, approvals, certificates, orders, refusals } from './orders.js';
import { cards, cmp, profiles, scep } from './profiles.js';
import { login, shell } from './shell.js';

/** Every word the console shows, in one table: another language is another table of this shape. */
export const words = {
  ...{ common, shell, login, cards, profiles, cmp, scep, connectors },
  ...{ orders, approvals, refusals, certificates, accounts, audit, tenants, decoder, dashboard },
} as const;
