import { uuidv7 } from './runtime/ids.js';
import { createSealer } from './runtime/seal.js';
import { generateCredential } from './tenancy/credentials.js';
import type { SettingStore } from './tenancy/ports.js';
import { generateToken } from './tenancy/token.js';

/** Every id and secret of a first start, chosen before the first of them is used. */
export interface FirstRunPlan {
  readonly tenantId: string;
  readonly connectorId: string;
  readonly userId: string;
  readonly password: string;
  readonly tokenId: string;
  readonly token: string;
  readonly scepProfileId: string;
  readonly challenge: string;
  readonly cmpProfileId: string;
  readonly secretId: string;
  readonly reference: string;
  readonly secret: string;
}

export interface BegunFirstRun {
  readonly plan: FirstRunPlan;
  /** Puts `mark` in the place of the plan, which is forgotten; false when another node did so before. */
  finish(mark: string): Promise<boolean>;
}

const name = 'first-run';
const begunPrefix = 'begun ';
const place = { table: 'settings', column: 'value', tenantId: '', rowId: name } as const;

/**
 * The plan of the first start: chosen and recorded (sealed) when there is none, read when an earlier start was cut off. Undefined
 * when the first start was finished.
 */
export async function beginFirstRun(settings: SettingStore, masterKey: Buffer): Promise<BegunFirstRun | undefined> {
  const sealer = createSealer(masterKey);
  const seal = (plan: FirstRunPlan) => `${begunPrefix}${sealer.seal(Buffer.from(JSON.stringify(plan)), place).toString('base64')}`;
  const standing = (await settings.get(name)) ?? (await settings.putOnce(name, seal(choosePlan())));
  if (!standing.startsWith(begunPrefix)) return undefined;
  const opened = sealer.open(Buffer.from(standing.slice(begunPrefix.length), 'base64'), place);
  if (!opened.ok) throw new Error(`The plan of the first start cannot be opened: ${opened.error}.`);
  const plan = JSON.parse(opened.value.toString()) as FirstRunPlan;
  return { plan, finish: (mark) => settings.replace(name, standing, mark) };
}

function choosePlan(): FirstRunPlan {
  return {
    tenantId: uuidv7(),
    connectorId: uuidv7(),
    userId: uuidv7(),
    password: generateCredential(20),
    tokenId: uuidv7(),
    token: generateToken(),
    scepProfileId: uuidv7(),
    challenge: generateCredential(),
    cmpProfileId: uuidv7(),
    secretId: uuidv7(),
    reference: generateCredential(12),
    secret: generateCredential(),
  };
}
