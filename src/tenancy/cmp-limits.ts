import { z } from 'zod';

const perMinute = z.int().min(1).max(1_000_000).nullable().default(null);

/** Answered by HTTP 429 before a message is read (RFC 9811 section 5); each process counts for itself. */
export const rateLimitSchema = z.strictObject({
  perSource: perMinute.describe('Most messages a minute from one address (IPv6: one /64); null: any number. A fleet may share an address'),
  perProfile: perMinute.describe('Most messages a minute for the profile; null: any number'),
});

/** Wrong MACs under a reference; who is locked out gets the same answer as for a wrong secret. */
export const lockOutSchema = z.strictObject({
  attempts: z.int().min(1).max(10_000).nullable().default(20).describe('Wrong MACs under one reference after which it is locked; null: never'),
  minutes: z.int().min(1).max(1_440).default(15).describe('For how long'),
  everywhere: z
    .boolean()
    .default(false)
    .describe('false: for the address that guessed. true: for all, which also stops guesses from many addresses, and lets any of them lock a device out'),
});
