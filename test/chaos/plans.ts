/** What the campaigns set out to do; one that does less has failed. */
import type { Plan } from './campaign.js';
import type { PlantedBug } from './planted.js';

/** The short form is for every change: on a machine of its own it takes no longer than this besides compiling. What it proves is the kills and orders of its plans. */
export const shortSeconds = 180;
/** The dearest rules, one bug for each: what was promised, what is asked twice, what is uncertain. */
export const shortHunts: readonly PlantedBug[] = ['answer-before-commit', 'forget-dedupe', 'naive-retry', 'ignore-quarantine'];

/** So much of a plan, rounded up: several runs add up to it. */
export function shareOf(plan: Plan, shares: number): Plan {
  const part = (whole: number) => Math.ceil(whole / shares);
  const { kills, orders, databaseStops, freezes = 0, deaths = 0 } = plan;
  return { ...plan, kills: part(kills), orders: part(orders), databaseStops: part(databaseStops), freezes: part(freezes), deaths: part(deaths) };
}

/** The full form's campaign against the hostile CA alone kills 1,000 times, enrols 20,000 times and stops the database 50 times. */
export function plansFor(isShort: boolean, hasPostgres: boolean): readonly Plan[] {
  const of = <T>(short: T, full: T): T => (isShort ? short : full);
  const embedded: Plan = {
    name: 'embedded database, one node',
    database: 'pglite',
    nodes: 1,
    devices: 16,
    scepShare: 0.7,
    kills: of(10, 50),
    orders: of(200, 800),
    limitSeconds: of(150, 900),
    pauseMs: [150, 700],
    databaseStops: 0,
  };
  const postgres: Plan = {
    name: 'PostgreSQL, three nodes',
    database: 'postgres',
    nodes: 3,
    devices: 24,
    scepShare: 0.6,
    kills: of(154, 150),
    orders: of(1_500, 2_000),
    limitSeconds: of(200, 1_800),
    pauseMs: [20, 120],
    databaseStops: of(1, 5),
  };
  const hostile: Plan = {
    ...postgres,
    name: 'PostgreSQL, three nodes, hostile CA outside',
    devices: 120,
    scepShare: 0.4,
    kills: of(36, 1_000),
    orders: of(300, 20_000),
    limitSeconds: of(200, 7_200),
    pauseMs: [100, 500],
    databaseStops: of(1, 50),
    freezes: of(1, 40),
    deaths: of(0, 100),
    hasHostileCa: true,
  };
  if (hasPostgres) return [hostile, postgres, embedded];
  return [{ ...embedded, kills: embedded.kills * 4, orders: embedded.orders * 6, limitSeconds: embedded.limitSeconds * 4 }];
}
