import { z } from 'zod';
import { nameFromText } from '../../pkix/index.js';
import { idSchema, lineSchema } from '../field.js';

const subject = lineSchema(500)
  .min(1)
  .refine((text) => nameFromText(text).ok, 'Must be a name like CN=device-1,O=Example')
  .describe('The subject to ask for, as RFC 4514 text, where the policy wants a certain one; a fresh common name when absent');

const hostPattern = /^[A-Za-z0-9*._:-]{1,253}$/;

export const testEnrolmentSchema = z
  .strictObject({
    subject: subject.optional(),
    sans: z.array(z.string().regex(hostPattern, 'Must be a host name or an IP address')).max(20).default([]).describe('Host names and IP addresses to ask for'),
  })
  .nullish()
  .meta({ id: 'TestEnrolment', description: 'What the device that is played asks for' });

export const enrolmentOutcomes = ['issued', 'pending', 'refused', 'failed', 'impossible'] as const;

export const testEnrolmentReportSchema = z
  .object({
    ok: z.boolean().describe('Every step went well; an order that waits for approval or for its CA is no fault of the profile'),
    outcome: z
      .enum(enrolmentOutcomes)
      .describe('pending: the order is not decided yet; failed: no answer that a device can use; impossible: no device can be played, the step says why'),
    subject: z.string().describe('What was asked for'),
    orderId: idSchema.nullable().describe('The order, where the request became one'),
    steps: z.array(
      z.object({
        name: z.string().describe('As the standard names it: GetCACaps, PKCSReq, ir, certConf, ...; or profile, credential, certificate, order'),
        ok: z.boolean(),
        detail: z.string(),
        ms: z.int(),
      }),
    ),
  })
  .meta({ id: 'TestEnrolmentReport', description: 'What a device did, step by step; 200 also when a step failed' });

export type TestEnrolmentReport = z.output<typeof testEnrolmentReportSchema>;
