import { z } from 'zod';
import { type ApiToken, roles } from '../../tenancy/ports.js';
import { idSchema, nameSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';
import { permissionNames } from '../permission.js';

export const newTokenSchema = z
  .strictObject({
    name: nameSchema.describe('What it is for'),
    role: z.enum(roles),
    tenantId: idSchema.nullable().optional().describe('null: every tenant. Absent: the tenant you work in'),
    permissions: z
      .array(z.enum(permissionNames))
      .min(1)
      .max(permissionNames.length)
      .optional()
      .describe('Of what the role may do, only this; absent: all of it'),
    expiresInDays: z.int().min(1).max(3650).nullable().default(90).describe('null: it does not expire'),
  })
  .meta({ id: 'NewToken', description: 'An API token to create' });

export const tokenSchema = z
  .object({
    id: idSchema,
    name: z.string(),
    role: z.enum(roles),
    tenantId: idSchema.nullable().describe('null: every tenant'),
    permissions: z.array(z.string()).nullable().describe('null: all of its role'),
    createdBy: z.string().nullable().describe('As the audit names them: `user:<id>`, `token:<id>`, `cli`'),
    expiresAt: timeSchema.nullable(),
    lastUsedAt: timeSchema.nullable().describe('Exact to a minute'),
    createdAt: timeSchema,
  })
  .meta({ id: 'ApiToken', description: 'A token of a program, without the token itself' });

export const createdTokenSchema = tokenSchema
  .extend({ token: z.string().describe('Shown once; only a hash is kept') })
  .meta({ id: 'CreatedToken', description: 'A new API token' });

export const tokenListQuery = listQuerySchema(['createdAt', 'name', 'lastUsedAt', 'expiresAt'], { tenantId: idSchema.optional() });
export const tokenPage = pageSchema(tokenSchema).meta({ id: 'TokenPage', description: 'API tokens that are not revoked' });

export function tokenView(token: ApiToken): z.output<typeof tokenSchema> {
  const { id, name, role, tenantId, permissions, createdBy, expiresAt, lastUsedAt, createdAt } = token;
  return {
    ...{ id, name, role, tenantId, createdBy },
    permissions: permissions === null ? null : [...permissions],
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}
