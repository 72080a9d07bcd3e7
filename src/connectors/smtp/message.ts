import MailComposer from 'nodemailer/lib/mail-composer';
import type { MailMessage } from '../../notification/ports.js';
import type { SmtpSettings } from './settings.js';

/**
 * The mail as octets (RFC 5322). Addresses go in as objects, never as text that is parsed, and nothing is read from files or URLs.
 * Auto-Submitted (RFC 3834 section 5) keeps holiday answers away.
 */
export function messageOctets({ id, to, subject, text, html, date }: MailMessage, { from, replyTo }: SmtpSettings): Promise<Buffer> {
  const composer = new MailComposer({
    messageId: messageId(id, from.address),
    date,
    from,
    to: { name: '', address: to },
    ...(replyTo === undefined ? {} : { replyTo: { name: '', address: replyTo } }),
    subject,
    text,
    html,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

/** The same for every attempt at the same mail: who receives it twice can tell. */
export function messageId(id: string, fromAddress: string): string {
  const domain = fromAddress.slice(fromAddress.lastIndexOf('@') + 1);
  return `<${id}@${domain}>`;
}
