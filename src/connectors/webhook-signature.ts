import { createHmac } from 'node:crypto';
import type { Secret } from '../runtime/secret.js';

/** `t=<seconds since 1970>,v1=<hex of HMAC-SHA-256(secret, t "." body)>`: a captured request cannot be sent again at another time. */
export function signatureOf(body: string, secret: Secret, at: Date): string {
  const time = Math.floor(at.getTime() / 1000);
  return `t=${time},v1=${createHmac('sha256', secret.reveal()).update(`${time}.${body}`, 'utf8').digest('hex')}`;
}
