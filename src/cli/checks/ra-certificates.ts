import { z } from 'zod';
import { ScepClient } from '../../device-client/scep.js';
import { getFromApi } from '../admin-api.js';
import { type Finding, failure, good, warning } from './finding.js';

const what = 'RA certificate';
const warnDays = 30;
const dayMs = 86_400_000;
const pageSchema = z.object({ items: z.array(z.object({ name: z.string(), endpointPath: z.string(), status: z.string() })) });

/** Asks the running server for its SCEP profiles, and each active one for its RA certificate, as a device would. */
export async function checkRaCertificates(adminUrl: string, deviceUrl: string, token: string): Promise<readonly Finding[]> {
  const answer = await getFromApi(adminUrl, token, '/scep-profiles?status=active&limit=200');
  if (!answer.ok) return [warning(what, `not checked: ${answer.error}`, 'Give a valid API token with --token-file or GATEHOUSE_ADMIN_TOKEN.')];
  const page = pageSchema.safeParse(answer.value);
  if (!page.success) return [warning(what, 'not checked: the admin API gave an unexpected answer', 'Is this command of the same version as the server?')];
  return Promise.all(page.data.items.map(({ name, endpointPath }) => checkProfile(name, `${deviceUrl}/scep/${endpointPath}`)));
}

async function checkProfile(name: string, url: string): Promise<Finding> {
  const certificates = await new ScepClient({ url, timeoutMs: 5_000 }).certificates();
  if (!certificates.ok) return failure(what, `profile ${name}: ${certificates.error}`, 'Look at the profile and its connector.');
  return expiry(name, certificates.value.ra.notAfter, new Date());
}

export function expiry(name: string, notAfter: Date, now: Date): Finding {
  const days = Math.floor((notAfter.getTime() - now.getTime()) / dayMs);
  const detail = `profile ${name}: valid until ${notAfter.toISOString().slice(0, 10)}`;
  if (days < 0) return failure(what, `${detail}, expired`, 'Look at the connector: the RA key could not be renewed.');
  return days < warnDays
    ? warning(what, `${detail}, ${days} days`, 'It is renewed by itself; if it is still there tomorrow, look at the connector.')
    : good(what, detail);
}
