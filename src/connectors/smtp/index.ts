/** The connector to mail servers: fills the port `Mailer`. */
export { createSmtpMailer } from './mailer.js';
export { smtpSettings } from './settings.js';
