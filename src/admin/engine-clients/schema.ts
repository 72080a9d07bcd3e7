import { z } from 'zod';
import { idSchema, nameSchema, timeSchema } from '../field.js';
import { type EngineClientRow, engineScopes } from '../ports.js';

const scopes = z
  .array(z.enum(engineScopes))
  .min(1)
  .transform((given) => [...new Set(given)])
  .describe('What it may do: read CAs and its own certificates, have certificates issued, revoke its own');

export const newEngineClientSchema = z
  .strictObject({
    name: nameSchema,
    clientId: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/, 'Letters, digits, dots, dashes and underscores, 64 at most')
      .describe('What it calls itself; stands with what it orders, so that another client of this id later on finds that again'),
    scopes: scopes.default([...engineScopes]),
  })
  .meta({ id: 'NewEngineClient', description: 'A registration authority elsewhere that may use the embedded engine' });

export const engineClientSchema = z
  .object({
    id: idSchema,
    clientId: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(engineScopes)),
    createdAt: timeSchema,
    secretSetAt: timeSchema,
  })
  .meta({ id: 'EngineClient', description: "A client of the embedded engine's API" });

export const engineClientListSchema = z.object({ items: z.array(engineClientSchema) }).meta({ id: 'EngineClientList' });

export const engineClientSecretSchema = engineClientSchema
  .extend({ clientSecret: z.string().describe('Shown this once') })
  .meta({ id: 'EngineClientSecret', description: 'A client with its secret' });

export function engineClientView({ id, clientId, name, scopes: allowed, createdAt, secretSetAt }: EngineClientRow): z.output<typeof engineClientSchema> {
  return { id, clientId, name, scopes: [...allowed], createdAt: createdAt.toISOString(), secretSetAt: secretSetAt.toISOString() };
}
