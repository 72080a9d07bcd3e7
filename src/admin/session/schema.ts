import { z } from 'zod';
import { passwordLength } from '../../tenancy/password-policy.js';
import { roles } from '../../tenancy/ports.js';
import { sessionMethods, sessionRestrictions } from '../../tenancy/session.js';
import { idSchema, timeSchema } from '../field.js';
import { permissionNames } from '../permission.js';

const providerSchema = z
  .object({ name: z.string().describe('For the button: Sign in with ...'), startUrl: z.string().describe('Where the browser goes') })
  .meta({ id: 'LoginProvider', description: 'An identity provider that lets in' });

const anonymous = z.object({
  authenticated: z.literal(false),
  provider: providerSchema.nullable().describe('null: sign in by password only'),
});

const sessionUserSchema = z
  .object({
    id: idSchema,
    username: z.string(),
    displayName: z.string(),
    email: z.string().nullable(),
    hasPassword: z.boolean(),
    hasTotp: z.boolean().describe('Whether a second factor is in force'),
  })
  .meta({ id: 'SessionUser', description: 'The user who is signed in' });

const sessionTenantSchema = z.object({ id: idSchema, name: z.string() }).meta({ id: 'SessionTenant', description: 'A tenant the caller may work in' });

const known = z.object({
  authenticated: z.literal(true),
  kind: z.enum(['token', 'user']),
  name: z.string().describe('Name of the token or of the user'),
  user: sessionUserSchema.nullable().describe('null: a token'),
  role: z.enum(roles).describe('The role that may do most'),
  roles: z.array(z.enum(roles)),
  tenantId: z.string().nullable().describe('The tenant the caller works in; null: every tenant'),
  tenant: z.string().nullable().describe('Name of the tenant'),
  tenants: z.array(sessionTenantSchema).nullable().describe('Tenants the user may change to; null: every tenant, see /tenants'),
  permissions: z.array(z.enum(permissionNames)),
  restriction: z.enum(sessionRestrictions).nullable().describe('What must be done before the session is good for anything else'),
  expiresAt: timeSchema.nullable().describe('The end of the token or of the session in any case'),
  idleSeconds: z.int().nullable().describe('The session ends after so long without a request; null: a token'),
  deviceUrl: z.string().describe('How devices reach the server; the base URL of profiles without one'),
});

export const sessionSchema = z.discriminatedUnion('authenticated', [anonymous, known]).meta({ id: 'Session', description: 'Who the caller is' });

const passwordSchema = z.string().min(1).max(1000);

export const signInSchema = z
  .strictObject({
    username: z.string().min(1).max(200),
    password: passwordSchema,
    code: z.string().min(6).max(40).optional().describe('Six digits of the second factor, or a backup code; asked for by the problem `code-required`'),
  })
  .meta({ id: 'SignIn', description: 'Who wants to sign in' });

export const signOutSchema = z
  .object({ endUrl: z.string().nullable().describe('Where the browser goes to sign out at the identity provider too; null: nowhere') })
  .meta({ id: 'SignedOut', description: 'The session is over' });

export const sessionChangeSchema = z
  .strictObject({ tenantId: idSchema.nullable().describe('The tenant to work in; null: every tenant, for users who have every tenant') })
  .meta({ id: 'SessionChange', description: 'Another tenant to work in' });

export const passwordChangeSchema = z
  .strictObject({
    currentPassword: passwordSchema,
    newPassword: z.string().min(1).max(1000).describe(`At least ${passwordLength.least} characters, without your own name`),
  })
  .meta({ id: 'PasswordChange', description: 'A new password for oneself; every other session of the user ends' });

export const confirmPasswordSchema = z.strictObject({ password: passwordSchema }).meta({ id: 'PasswordConfirmation', description: 'The password, once more' });

export const totpRemovalSchema = confirmPasswordSchema
  .extend({ code: z.string().min(6).max(40).describe('A code of it, or a backup code') })
  .meta({ id: 'TotpRemoval', description: 'The password once more, and a last code' });

export const totpProposalSchema = z
  .object({ secret: z.string().describe('Base32'), otpauthUri: z.string().describe('For a QR code') })
  .meta({ id: 'TotpProposal', description: 'Shown once; in force when a code of it was confirmed' });

export const totpConfirmationSchema = z.strictObject({ code: z.string().min(6).max(10) }).meta({ id: 'TotpConfirmation', description: 'A code of the app' });

export const backupCodesSchema = z
  .object({ backupCodes: z.array(z.string()) })
  .meta({ id: 'BackupCodes', description: 'Shown once; each lets in once in place of a code' });

export const sessionRowSchema = z
  .object({
    id: idSchema,
    isThisOne: z.boolean().describe('Whether it is the session of this request'),
    method: z.enum(sessionMethods),
    source: z.string().describe('Address it was begun from'),
    userAgent: z.string(),
    createdAt: timeSchema,
    lastUsedAt: timeSchema.describe('Exact to a minute'),
    expiresAt: timeSchema,
  })
  .meta({ id: 'SessionRow', description: 'A user signed in at one browser' });

export const sessionRowsSchema = z.object({ items: z.array(sessionRowSchema) }).meta({ id: 'SessionRows', description: 'Sessions, newest first' });
