import { z } from 'zod';
import { eventKinds } from '../../notification/kinds.js';
import { type Mail, mailStates } from '../../notification/ports.js';
import { renderText } from '../../notification/render.js';
import { idSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';

export const mailSchema = z
  .object({
    id: z.string().describe('Also the left part of its Message-ID'),
    tenantId: idSchema,
    ruleId: idSchema,
    ruleName: z.string().describe('As it was called when the mail was made'),
    kind: z.enum(eventKinds),
    recipient: z.string(),
    subject: z.string(),
    state: z.enum(mailStates).describe('waiting: not yet taken by the mail server; dead: given up, see lastError'),
    attempts: z.int(),
    nextAttemptAt: timeSchema.nullable(),
    lastError: z.string().nullable().describe('Why it was not taken, in words'),
    response: z.string().nullable().describe('What the mail server answered when it took it'),
    createdAt: timeSchema,
    finishedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Mail', description: 'A mail to one recipient' });

export const wholeMailSchema = mailSchema
  .extend({ text: z.string().describe('What it says, as plain text') })
  .meta({ id: 'WholeMail', description: 'A mail with its text' });

export const mailPage = pageSchema(mailSchema).meta({ id: 'MailPage' });

export const mailListQuery = listQuerySchema(['createdAt'], {
  tenantId: idSchema.optional(),
  ruleId: idSchema.optional(),
  state: z.enum(mailStates).optional(),
  kind: z.enum(eventKinds).optional(),
});

export function mailView(mail: Mail): z.output<typeof mailSchema> {
  const { content: _content, nextAttemptAt, createdAt, finishedAt, ...fields } = mail;
  const times = { nextAttemptAt: nextAttemptAt?.toISOString() ?? null, createdAt: createdAt.toISOString(), finishedAt: finishedAt?.toISOString() ?? null };
  return { ...fields, ...times };
}

export function wholeMailView(mail: Mail): z.output<typeof wholeMailSchema> {
  return { ...mailView(mail), text: renderText(mail.content) };
}
