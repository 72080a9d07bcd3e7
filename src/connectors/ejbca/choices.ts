import type { EjbcaClient } from './client.js';
import { faultOfOutcome } from './search.js';
import { elements, operation, textOf } from './soap.js';
import { caListAnswer, readJson } from './wire.js';

/** What a setting of a connector may be, as its CA tells. */
export interface Choice {
  readonly field: string;
  readonly values: readonly string[];
  /** Why there are none, in words; absent where they are complete. */
  readonly missing?: string;
}

interface Listed {
  readonly names: readonly { readonly id: string; readonly name: string }[];
  readonly fault?: string;
}

/** Names of CAs, end entity profiles and certificate profiles that EJBCA shows to our role: by the web service, CAs also by REST. */
export async function ejbcaChoices(client: EjbcaClient, endEntityProfile: string | undefined, deadline: AbortSignal): Promise<readonly Choice[]> {
  const cas = await listed(client, 'getAvailableCAs', [], deadline);
  const profiles = await listed(client, 'getAuthorizedEndEntityProfiles', [], deadline);
  const wanted = profiles.names.filter(({ name }) => endEntityProfile === undefined || name === endEntityProfile);
  const certificateProfiles = await certificateProfilesOf(client, wanted.length > 0 ? wanted : profiles.names, deadline);
  return [
    choice('caName', cas.fault === undefined ? cas : await casByRest(client, cas.fault, deadline)),
    choice('endEntityProfile', profiles),
    choice('certificateProfile', profiles.fault === undefined ? certificateProfiles : { names: [], fault: profiles.fault }),
  ];
}

const mostProfiles = 50;

async function certificateProfilesOf(client: EjbcaClient, profiles: Listed['names'], deadline: AbortSignal): Promise<Listed> {
  const all: { id: string; name: string }[] = [];
  for (const { id } of profiles.slice(0, mostProfiles)) {
    const found = await listed(client, 'getAvailableCertificateProfiles', [id], deadline);
    if (found.fault !== undefined) return found;
    all.push(...found.names);
  }
  return { names: all };
}

async function listed(client: EjbcaClient, name: string, args: readonly string[], deadline: AbortSignal): Promise<Listed> {
  const answer = await client.soap(name, operation(name, ...args), deadline);
  const text = answer.kind === 'answered' && answer.status === 200 ? answer.body.toString('utf8') : '';
  if (!text.includes(`${name}Response`)) return { names: [], fault: faultOfOutcome(answer).reason };
  return { names: elements(text, 'return').map((item) => ({ id: textOf(item, 'id') ?? '', name: textOf(item, 'name') ?? '' })) };
}

async function casByRest(client: EjbcaClient, fault: string, deadline: AbortSignal): Promise<Listed> {
  const answer = await client.rest({ method: 'GET', path: 'v1/ca' }, deadline);
  const list = answer.kind === 'answered' && answer.status === 200 ? readJson(caListAnswer, answer.body) : undefined;
  return list === undefined ? { names: [], fault } : { names: list.certificate_authorities.map(({ name }) => ({ id: '', name })) };
}

function choice(field: string, { names, fault }: Listed): Choice {
  const values = [...new Set(names.map(({ name }) => name).filter((name) => name !== ''))].sort();
  return { field, values, ...(fault !== undefined && { missing: fault }) };
}
