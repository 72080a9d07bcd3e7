import { z } from 'zod';
import { type Capture, captureKinds, type Field, verdictOf } from '../../decode/index.js';
import { idSchema } from '../field.js';

/** What a message may be, once it is no longer text; the size devices may send. */
export const maxMessageBytes = 256 * 1024;

export const decodeRequestSchema = z
  .strictObject({
    message: z.string().min(1, 'Must not be empty').describe('Base64, PEM, hexadecimal, or a line with the query string of a GET'),
    profileId: idSchema.optional().describe("A SCEP profile of the caller's tenant: its RA keys open what is encrypted for them. Each use is audited"),
  })
  .meta({ id: 'DecodeRequest', description: 'A captured SCEP or CMP message, PKCS#10 request, certificate or CRL; at most 256 KiB' });

const verdictSchema = z.enum(['ok', 'failed', 'unknown']);

/** The same shape at every depth: `fields` are of this schema again. */
export const fieldSchema = z
  .object({
    name: z.string().describe('As in the RFC'),
    value: z.string().describe('In words. Challenges and values of unknown types are told by their length alone'),
    note: z.string().optional(),
    verdict: verdictSchema.optional().describe('Of the check of this field; `unknown`: something is missing that it needs'),
    get fields() {
      return z.array(fieldSchema).optional();
    },
  })
  .meta({ id: 'DecodedField', description: 'One field of a message' });

export const decodedSchema = z
  .object({
    kind: z.enum(captureKinds),
    verdict: verdictSchema.describe('The worst in it'),
    fields: z.array(fieldSchema),
  })
  .meta({ id: 'DecodedMessage', description: 'A message, field by field; one that is malformed as far as it could be read' });

export function decodedView(capture: Capture): z.output<typeof decodedSchema> {
  return { kind: capture.kind, verdict: verdictOf(capture), fields: capture.fields.map(fieldView) };
}

function fieldView({ fields, ...rest }: Field): z.output<typeof fieldSchema> {
  return fields === undefined ? rest : { ...rest, fields: fields.map(fieldView) };
}
