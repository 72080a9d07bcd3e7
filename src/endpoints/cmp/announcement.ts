import type { BodyType } from '../../protocol/cmp/index.js';
import { type CmpReply, type Exchange, note } from './exchange.js';
import { fault } from './fault.js';

const announcements: ReadonlySet<BodyType> = new Set(['ckuann', 'cann', 'rann', 'crlann']);

export function isAnnouncement(type: BodyType): boolean {
  return announcements.has(type);
}

/** "No CMP message is sent in answer" (RFC 9811 section 3.5): announcements are for those who consume them, and nobody here does. */
export function declineAnnouncement(exchange: Exchange): CmpReply {
  note(exchange, fault('body-type', 'announcement'));
  return { status: 400 };
}
