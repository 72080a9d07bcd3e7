import { z } from 'zod';
import { roles } from '../../tenancy/ports.js';
import { plainUsername } from '../../tenancy/sign-in.js';
import type { User } from '../../tenancy/user.js';
import { idSchema, lineSchema, statusSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';

const rolesSchema = z
  .array(z.enum(roles))
  .min(1)
  .max(roles.length)
  .transform((held) => [...new Set(held)])
  .describe('What one of them may do, the user may do');
const tenantIdsSchema = z
  .array(idSchema)
  .min(1)
  .max(200)
  .transform((ids) => [...new Set(ids)]);
const emailSchema = z.email().max(254);

const usernameSchema = z
  .string()
  .transform(plainUsername)
  .refine((text) => /^[a-z0-9][a-z0-9._@+-]{0,127}$/.test(text), 'Must be 1 to 128 letters, digits and . _ @ + -, beginning with a letter or digit')
  .describe('For signing in; kept in lower case');

export const newUserSchema = z
  .strictObject({
    username: usernameSchema,
    email: emailSchema.optional(),
    displayName: lineSchema(100).default(''),
    roles: rolesSchema,
    tenantIds: tenantIdsSchema.nullable().optional().describe('null: every tenant. Absent: your own, when you are bound to one'),
    status: statusSchema.default('active'),
    password: z.string().min(1).max(1000).optional().describe('Absent: one is made and shown once. The user must change it at the first login'),
  })
  .meta({ id: 'NewUser', description: 'A user to create' });

/** What a change leads to; `tenantIds` absent: every tenant. */
export const changedUserSchema = z.strictObject({
  email: emailSchema.optional(),
  displayName: lineSchema(100).default(''),
  roles: rolesSchema,
  tenantIds: tenantIdsSchema.optional(),
  status: statusSchema.default('active'),
});

export const userPatchSchema = z
  .strictObject({
    username: z.string().optional().describe('Cannot be changed'),
    email: emailSchema.nullable().optional(),
    displayName: lineSchema(100).nullable().optional(),
    roles: rolesSchema.optional(),
    tenantIds: tenantIdsSchema.nullable().optional().describe('null: every tenant'),
    status: statusSchema.nullable().optional(),
  })
  .meta({ id: 'UserPatch', description: 'Merge patch (RFC 7396) of a user' });

export const userSchema = z
  .object({
    id: idSchema,
    username: z.string(),
    email: z.string().nullable(),
    displayName: z.string(),
    roles: z.array(z.enum(roles)),
    tenantIds: z.array(idSchema).nullable().describe('null: every tenant'),
    status: statusSchema,
    hasPassword: z.boolean().describe('False: signs in at the identity provider only'),
    mustChangePassword: z.boolean(),
    hasTotp: z.boolean().describe('Whether a second factor is in force'),
    isProvided: z.boolean().describe('Comes from the identity provider, which decides on roles and tenants at every login'),
    lastLoginAt: timeSchema.nullable(),
    version: z.int(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'User', description: 'A person who signs in' });

export const createdUserSchema = userSchema
  .extend({ password: z.string().optional().describe('The one that was made; shown once') })
  .meta({ id: 'CreatedUser', description: 'A new user' });

export const resetPasswordSchema = z
  .object({ password: z.string().describe('Shown once; the user must change it at the next login') })
  .meta({ id: 'ResetPassword', description: 'A password that was made for a user' });

export const userListQuery = listQuerySchema(
  ['username', 'createdAt', 'lastLoginAt'],
  { tenantId: idSchema.optional(), status: statusSchema.optional(), role: z.enum(roles).optional() },
  'username',
);
export const userPage = pageSchema(userSchema).meta({ id: 'UserPage', description: 'Users' });

export function userView(user: User): z.output<typeof userSchema> {
  const { id, username, email, displayName, roles: held, tenantIds, status, hasPassword, mustChangePassword, hasTotp } = user;
  return {
    ...{ id, username, email, displayName, status, hasPassword, mustChangePassword, hasTotp },
    roles: [...held],
    tenantIds: tenantIds === null ? null : [...tenantIds],
    isProvided: user.identity !== null,
    lastLoginAt: user.lastLoginAt?.toISOString() ?? null,
    version: user.version,
    createdAt: user.createdAt.toISOString(),
    updatedAt: user.updatedAt.toISOString(),
  };
}
