/** Carries audit events to the systems that keep them: syslog over TLS, and signed webhooks. */
import type { SinkCarrier } from '../../audit/sink.js';
import type { Clock } from '../../runtime/clock.js';
import type { AddressGuard } from '../address-guard.js';
import { carryToSyslog } from './syslog.js';
import { carryToWebhook } from './webhook.js';

export function sinkCarrier(parts: { readonly guard: AddressGuard; readonly clock: Clock }): SinkCarrier {
  return (sink, lines, deadline) => (sink.type === 'syslog' ? carryToSyslog(sink, lines, deadline, parts.guard) : carryToWebhook(sink, lines, deadline, parts));
}
