/** Figures of both protocols. Labels are the standards' closed lists, never text of a device. */
import { counter, histogram } from '../runtime/metrics.js';

type Protocol = 'protocol';

export const requests = counter<Protocol | 'operation' | 'type' | 'status' | 'failInfo'>(
  'gatehouse_requests_total',
  'Device requests, by what was asked and what was answered. Status unavailable: nothing was recorded and the device is to come again.',
);

export const verifySeconds = histogram<Protocol>('gatehouse_verify_seconds', 'Time to verify the signature or MAC of a message');
export const decryptSeconds = histogram<Protocol>('gatehouse_decrypt_seconds', 'Time to decrypt the envelope of a SCEP message');

/** Seconds since a `performance.now()`. */
export function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}
