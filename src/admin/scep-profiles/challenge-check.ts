import { z } from 'zod';
import { Secret } from '../../runtime/secret.js';
import {
  type ChallengeCheck,
  type CheckKind,
  checkKinds,
  hmacSettingsSchema,
  type IntuneCheck,
  type IntuneSettings,
  intuneSettingsSchema,
  webhookSettingsSchema,
} from '../../tenancy/challenge-check.js';
import { generateCredential } from '../../tenancy/credentials.js';
import type { ChallengeMode } from '../../tenancy/profile.js';
import { type Fault, refuseFaults } from '../fault.js';
import { secretState, secretStateSchema } from '../field.js';

const visible = (least: number, most: number) =>
  z.string().regex(new RegExp(`^[\\x20-\\x7e]{${least},${most}}$`), `Must be ${least} to ${most} ASCII characters`);

/** The settings of each mode with its secret, as they are written. */
export const checkFields = {
  hmac: hmacSettingsSchema
    .extend({
      secret: visible(32, 255).optional().describe('Write-only. Derives the challenges; made by the server when absent, and then only the server can derive'),
    })
    .meta({ id: 'HmacChallenge', description: 'Mode hmac: the challenge of a device derives from a secret' }),
  webhook: webhookSettingsSchema
    .extend({ secret: visible(16, 255).optional().describe('Write-only. Signs the requests') })
    .meta({ id: 'WebhookChallenge', description: 'Mode webhook: a service of yours judges challenges' }),
  intune: intuneSettingsSchema
    .extend({ clientSecret: visible(1, 500).optional().describe('Write-only. The client secret of the app registration') })
    .meta({ id: 'IntuneChallenge', description: 'Mode intune: Microsoft Intune judges challenges and hears how orders end' }),
} as const;

export type WantedChecks = { readonly [K in CheckKind]?: z.output<(typeof checkFields)[K]> | undefined };

/** Merge patches of the settings, each for its mode; a secret left out is kept. */
export const checkPatchShape = {
  hmac: z.record(z.string(), z.unknown()).nullable().optional().describe('Merge patch of the settings of mode hmac'),
  webhook: z.record(z.string(), z.unknown()).nullable().optional().describe('Merge patch of the settings of mode webhook'),
  intune: z.record(z.string(), z.unknown()).nullable().optional().describe('Merge patch of the settings of mode intune'),
};

const readable = {
  hmac: hmacSettingsSchema.extend({ secret: secretStateSchema }),
  webhook: webhookSettingsSchema.extend({ secret: secretStateSchema }),
  intune: intuneSettingsSchema.extend({ clientSecret: secretStateSchema }),
};

export const checkViewShape = {
  hmac: readable.hmac.nullable().describe('Settings of mode hmac; null in the others'),
  webhook: readable.webhook.nullable().describe('Settings of mode webhook; null in the others'),
  intune: readable.intune.nullable().describe('Settings of mode intune; null in the others'),
};

export function checkView(check: ChallengeCheck | null | undefined): z.output<z.ZodObject<typeof checkViewShape>> {
  const none = { hmac: null, webhook: null, intune: null };
  const state = secretState(check?.secretUpdatedAt);
  switch (check?.kind) {
    case 'hmac':
      return { ...none, hmac: { ...check.settings, secret: state } };
    case 'webhook':
      return { ...none, webhook: { ...check.settings, secret: state } };
    case 'intune':
      return { ...none, intune: { ...check.settings, clientSecret: state } };
    default:
      return none;
  }
}

/** The settings a merge patch applies to. */
export function patchableCheck(check: ChallengeCheck | null | undefined): Record<string, unknown> {
  return check === null || check === undefined ? {} : { [check.kind]: check.settings };
}

export interface CheckChange {
  readonly mode: ChallengeMode;
  /** The settings that the request leads to. */
  readonly wanted: WantedChecks;
  /** The request itself. */
  readonly given: { readonly [K in CheckKind]?: unknown };
  readonly current: ChallengeCheck | null;
  readonly now: Date;
}

/** How challenges are held after a request; null in modes that need nothing. Throws 400 when mode and settings contradict each other. */
export function settleCheck({ mode, wanted, given, current, now }: CheckChange): ChallengeCheck | null {
  const strangers = checkKinds.filter((kind) => kind !== mode && given[kind] !== undefined && given[kind] !== null);
  refuseFaults(strangers.map((path) => ({ path, message: `A profile of mode ${mode} has no such settings; set challengeMode to ${path} with them` })));
  const kind = checkKinds.find((one) => one === mode);
  if (kind === undefined) return null;
  const settings = wanted[kind] ?? (kind === 'hmac' ? checkFields.hmac.parse({}) : undefined);
  if (settings === undefined) return refuse({ path: kind, message: `Required in mode ${kind}` });
  const standing = current?.kind === kind ? current : null;
  if (kind === 'intune') return settleIntune(settings as WantedChecks['intune'] & object, standing as IntuneCheck | null, now);
  const { secret, ...rest } = settings as WantedChecks['hmac'] & object;
  const made = kind === 'hmac' && standing === null ? generateCredential(43) : undefined;
  return { kind, settings: rest, ...keptSecret(secret ?? made, standing, `${kind}.secret`, now) } as ChallengeCheck;
}

function settleIntune({ clientSecret, ...settings }: WantedChecks['intune'] & object, standing: IntuneCheck | null, now: Date): IntuneCheck {
  const isMoved = standing !== null && placesOf(settings).join() !== placesOf(standing.settings).join();
  if (isMoved && clientSecret === undefined) {
    refuseFaults([{ path: 'intune.clientSecret', message: 'Must be given again, since it would go to another address' }]);
  }
  return { kind: 'intune', settings, ...keptSecret(clientSecret, standing, 'intune.clientSecret', now) };
}

/** Where the client secret, and the tokens it yields, are sent. */
function placesOf({ loginUrl, graphUrl, serviceUrl = '' }: IntuneSettings): readonly string[] {
  return [loginUrl, graphUrl, serviceUrl];
}

function keptSecret(given: string | undefined, standing: ChallengeCheck | null, path: string, now: Date) {
  if (given !== undefined) return { secret: new Secret(given), secretUpdatedAt: now };
  if (standing === null) return refuse({ path, message: 'Required' });
  return { secret: standing.secret, secretUpdatedAt: standing.secretUpdatedAt };
}

function refuse(fault: Fault): never {
  refuseFaults([fault]);
  throw new Error(fault.message);
}
