import { generateKeyPair, type KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { DeviceUnderTest, EnrolmentTester, EnrolmentTrial } from './admin/index.js';
import { secretCredential } from './device-client/cmp-credentials.js';
import { classicalDeviceKey } from './device-client/device-key.js';
import { type ExchangeFetch, ownServerFetch, patientFetch } from './device-client/exchange-fetch.js';
import { sanExtensions } from './device-client/san.js';
import { deviceKey } from './device-client/scep.js';
import { tryCmp } from './device-client/trial-cmp.js';
import { tryScep } from './device-client/trial-scep.js';
import type { Server } from './listeners.js';
import { type Certificate, type Extension, emptyName, type Name, nameFromText } from './pkix/index.js';
import { fail, ok, type Result } from './runtime/result.js';
import type { EndpointDirectory } from './tenancy/directory.js';
import type { Policy } from './tenancy/policy.js';
import type { CmpProfile, Profile, ScepProfile } from './tenancy/profile.js';

interface TesterParts {
  /** What this process serves; looked at when a test is asked for. */
  readonly servers: readonly Server[];
  readonly endpoints: { readonly directory: EndpointDirectory };
}

/** A played device with everything in the form its client takes. */
interface Played {
  readonly device: DeviceUnderTest;
  readonly url: string;
  readonly subject: Name;
  readonly extensions: readonly Extension[];
  readonly chain: readonly Certificate[];
}

/** Plays devices against the device listener of this process, by its loopback address. */
export function enrolmentTester({ servers, endpoints: { directory } }: TesterParts): EnrolmentTester {
  return {
    async enrol(device) {
      const { profile } = device;
      const base = deviceAddress(servers);
      if (base === undefined) return notPlayed('listener', 'This node serves no devices (GATEHOUSE_ROLES). Ask a node that does.');
      const served = await untilServed(profile, directory);
      if (!served.ok) return notPlayed('profile', served.error);
      const subject = nameFromText(device.subject);
      const extensions = sanExtensions(device.sans);
      if (!subject.ok) return notPlayed('names', subject.error);
      if (!extensions.ok) return notPlayed('names', extensions.error);
      const url = `${base}/${profile.protocol}/${profile.endpointPath}`;
      return play({ device, url, subject: subject.value, extensions: extensions.value, chain: served.value });
    },
  };
}

async function play(played: Played): Promise<EnrolmentTrial> {
  const { profile } = played.device;
  const own = ownServerFetch();
  const fetch = patientFetch(own.fetch, servedMs);
  try {
    return profile.protocol === 'scep' ? await playScep(played, profile, fetch) : await playCmp(played, profile, fetch);
  } finally {
    await own.close();
  }
}

async function playScep({ device, url, subject, extensions }: Played, { policy }: ScepProfile, fetch: ExchangeFetch): Promise<EnrolmentTrial> {
  const { challenge, isPatient } = device;
  const { ciphers, digests } = policy.scep;
  const key = deviceKey(await newRsaKey(policy));
  const [cipher, digest] = [ciphers[0], digests.find((name) => name !== 'sha1') ?? digests[0]];
  const request = { key, subject, extensions, ...(challenge !== undefined && { challenge }), ...(cipher && { cipher }), ...(digest && { digest }) };
  return tryScep({ url, fetch, isPatient, ...request });
}

async function playCmp({ device, url, subject, extensions, chain }: Played, { policy }: CmpProfile, fetch: ExchangeFetch): Promise<EnrolmentTrial> {
  const { secret, registrationToken, isPatient } = device;
  if (secret === undefined) return notPlayed('credential', 'A CMP device needs a shared secret.');
  const { signer } = classicalDeviceKey(await newKey(policy));
  if (signer === undefined) throw new TypeError('A new key signs.');
  return tryCmp({
    url,
    fetch,
    credential: secretCredential(secret.reference, Buffer.from(secret.value, 'utf8'), macChoice(policy)),
    recipient: chain[0]?.subject ?? emptyName,
    trusted: chain,
    isPatient,
    type: 'ir',
    newKey: signer,
    subject,
    extensions,
    ...(registrationToken !== undefined && { regToken: registrationToken }),
  });
}

/** PasswordBasedMac with as many iterations as the policy allows, PBMAC1 where it takes nothing else. */
function macChoice({ cmp }: Policy) {
  if (!cmp.macs.includes('pbm')) return { mac: 'pbmac1' } as const;
  return { mac: 'pbm', iterations: Math.min(cmp.maxIterations, Math.max(cmp.minIterations, 500)) } as const;
}

const generate = promisify(generateKeyPair);

/** Off the main thread: large keys take seconds. */
async function newRsaKey({ keys }: Policy): Promise<KeyObject> {
  return (await generate('rsa', { modulusLength: keys.rsaMinBits })).privateKey;
}

async function newKey(policy: Policy): Promise<KeyObject> {
  const [namedCurve] = policy.keys.curves;
  return namedCurve === undefined ? newRsaKey(policy) : (await generate('ec', { namedCurve })).privateKey;
}

const servedMs = 5_000;
const lookMs = 100;

/** The profile as this process serves it, its CA's chain known and a SCEP profile's RA certificate there: one just made needs a moment. */
async function untilServed(profile: Profile, directory: EndpointDirectory): Promise<Result<readonly Certificate[], string>> {
  const look = () => (profile.protocol === 'scep' ? directory.scep(profile.endpointPath) : directory.cmp(profile.endpointPath));
  for (const until = performance.now() + servedMs; performance.now() < until; await sleep(lookMs)) {
    const endpoint = look();
    if (endpoint?.profile.id === profile.id && (profile.protocol === 'cmp' || endpoint.raKeys.length > 0)) return ok(endpoint.caChain);
  }
  if (look() === undefined) return fail('The profile is not served yet. Try again in a moment.');
  return fail('The RA certificate of the profile is not there yet: its CA has not issued it. Look at the log of the connector.');
}

/** Where this process listens for devices, by a loopback address where it listens on all. */
function deviceAddress(servers: readonly Server[]): string | undefined {
  const server = servers.find(({ setting }) => setting === 'GATEHOUSE_LISTEN');
  const address = server?.app.server.address() ?? undefined;
  if (server === undefined || address === undefined || typeof address === 'string') return undefined;
  const host = address.address === '0.0.0.0' ? '127.0.0.1' : address.address === '::' ? '::1' : address.address;
  return `${server.at.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

function notPlayed(name: string, detail: string): EnrolmentTrial {
  return { outcome: 'failed', steps: [{ name, ok: false, detail, ms: 0 }] };
}
