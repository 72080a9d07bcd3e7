import { z } from 'zod';
import type { Tenant } from '../../tenancy/connector.js';
import { nameSchema, statusSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';

const slugSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, 'Must be 1 to 64 lower-case letters, digits and hyphens')
  .describe('Short name in addresses and logs; made from the name when absent');

export const newTenantSchema = z
  .strictObject({ name: nameSchema, slug: slugSchema.optional(), status: statusSchema.default('active') })
  .meta({ id: 'NewTenant', description: 'A tenant to create' });

export const tenantPatchSchema = z
  .strictObject({ name: nameSchema.optional(), slug: slugSchema.nullable().optional(), status: statusSchema.nullable().optional() })
  .meta({ id: 'TenantPatch', description: 'Merge patch (RFC 7396) of a tenant' });

export const tenantSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    slug: z.string(),
    status: statusSchema,
    version: z.int(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'Tenant', description: 'An organisation; owns connectors and, through them, profiles and orders' });

export const tenantPage = pageSchema(tenantSchema).meta({ id: 'TenantPage' });
export const tenantListQuery = listQuerySchema(['createdAt', 'updatedAt', 'name', 'slug', 'status'], { status: statusSchema.optional() });

export function tenantView(tenant: Tenant): z.output<typeof tenantSchema> {
  const { id, name, slug, status, version } = tenant;
  return { id, name, slug, status, version, createdAt: tenant.createdAt.toISOString(), updatedAt: tenant.updatedAt.toISOString() };
}
