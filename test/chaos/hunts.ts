/** Where each planted bug is looked for: small campaigns that do what the bug cannot stand. */
import type { Plan } from './campaign.js';
import { type PlantedBug, planted } from './planted.js';
import { remoteLeaseMs } from './remote-issuer.js';

const common = {
  database: 'postgres',
  nodes: 2,
  scepShare: 0.5,
  databaseStops: 0,
  pauseMs: [60, 240],
  limitSeconds: 60,
  patienceSeconds: 12,
} as const satisfies Partial<Plan>;

const local = { ...common, devices: 12, kills: 8, orders: 60 } as const;
/** Nobody is killed: what the CA does is enough. */
const remote = { ...common, devices: 40, kills: 0, orders: 150, hasHostileCa: true } as const;

const special: Readonly<Partial<Record<PlantedBug, Partial<Plan>>>> = {
  'ignore-quarantine': { moods: { late: 0.4 } },
  'lease-too-short': { moods: { late: 0.4 } },
  // Held during a call, a node believes that it came to nothing, and says so when the order is another's.
  'no-fencing': { moods: { slow: 0.8 }, freezes: 60, freezeMs: [remoteLeaseMs, remoteLeaseMs + 1_600], orders: 4_000, limitSeconds: 150 },
  'forget-dead-nodes': { kills: 8, moods: { slow: 0.5 } },
  'take-wrong-certificates': { moods: { wrong: 0.3 }, hasOperator: true, orders: 40 },
  'surplus-not-revoked': { moods: { wrong: 0.3 }, hasOperator: true, orders: 40 },
};

export function huntFor(bug: PlantedBug): Plan {
  return { ...(planted[bug].isRemote ? remote : local), ...special[bug], name: `planted: ${bug}`, planted: bug };
}
