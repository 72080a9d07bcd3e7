import { z } from 'zod';
import { roles } from '../../tenancy/ports.js';
import { timeSchema } from '../field.js';
import { permissionNames } from '../permission.js';

const anonymous = z.object({ authenticated: z.literal(false) });

const known = z.object({
  authenticated: z.literal(true),
  kind: z.literal('token'),
  name: z.string().describe('Name of the token'),
  role: z.enum(roles),
  tenantId: z.string().nullable().describe('null: every tenant'),
  tenant: z.string().nullable().describe('Name of the tenant'),
  permissions: z.array(z.enum(permissionNames)),
  expiresAt: timeSchema.nullable(),
  deviceUrl: z.string().describe('How devices reach the server; the base URL of profiles without one'),
});

export const sessionSchema = z.discriminatedUnion('authenticated', [anonymous, known]).meta({ id: 'Session', description: 'Who the caller is' });
