import { type CertificateWish, possessions } from '../device-client/certificate-wish.js';
import { type CmpEnrolment, confirmations } from '../device-client/cmp.js';
import { centralKeyKinds, type DeviceKey, newDeviceKey } from '../device-client/device-key.js';
import { sanExtensions } from '../device-client/san.js';
import { nameFromText } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { agreementCertificate, type CmpServerOptions, serverOf } from './cmp-server.js';
import { checkOutput, readDeviceKeyFile } from './device-files.js';

const types = ['ir', 'cr', 'p10cr', 'kur', 'ccr'] as const;

export interface EnrolCmpOptions extends CmpServerOptions {
  readonly subject?: string;
  readonly type?: string;
  readonly san: readonly string[];
  readonly days?: string;
  readonly key?: string;
  readonly keyType: string;
  readonly centralKey?: string | true;
  readonly possession: string;
  readonly token?: string;
  readonly authenticator?: string;
  readonly implicitConfirm?: boolean;
  readonly confirm: string;
  readonly several?: string;
  readonly batch?: string;
  readonly out: string;
}

/** One certificate to be asked for, and where it goes. */
export interface Planned {
  readonly out: string;
  /** Absent where the server makes it. */
  readonly key: DeviceKey | undefined;
  readonly enrolment: CmpEnrolment;
}

type Plans = readonly [Planned, ...Planned[]];

/** What the options ask for; a fault in words. Nothing is sent before all of it is sound. */
export function planOf(options: EnrolCmpOptions): Result<Plans, string> {
  const count = Number(options.several ?? options.batch ?? '1');
  if (!Number.isInteger(count) || count < 1 || count > 100) return fail('--several and --batch take a number from 1 to 100.');
  if (options.several !== undefined && options.batch !== undefined) return fail('Give --several or --batch.');
  if (count > 1 && !options.out.includes('{n}')) return fail('Put {n} into --out: each certificate is written to its own file.');
  const planned: Planned[] = [];
  for (let number = 1; number <= count; number += 1) {
    const plan = planOne(options, (text) => text.replaceAll('{n}', String(number)));
    if (!plan.ok) return plan;
    planned.push(plan.value);
  }
  return ok(planned as unknown as Plans);
}

function planOne(options: EnrolCmpOptions, numbered: (text: string) => string): Result<Planned, string> {
  const out = numbered(options.out);
  const output = checkOutput(out);
  if (!output.ok) return output;
  // A batch forwards what others send; alone, each message is forwarded by itself.
  const { forwardCert: _, forwardKey: __, ...direct } = options;
  const server = serverOf(options.batch === undefined ? options : direct);
  if (!server.ok) return server;
  const { credential } = server.value;
  const signedBy = credential.kind === 'secret' ? undefined : credential.certificate;
  const type = oneOf('--type', options.type ?? (signedBy !== undefined && options.subject === undefined ? 'kur' : 'ir'), types);
  if (!type.ok) return type;
  const subject = options.subject === undefined ? ok(signedBy?.subject) : nameFromText(numbered(options.subject));
  if (!subject.ok) return subject;
  if (subject.value === undefined) return fail('--subject is missing.');
  const more = wishesOf(options, numbered);
  if (!more.ok) return more;
  const key = keyOf(options);
  if (!key.ok) return key;
  const newKey = newKeyOf(options, key.value);
  if (!newKey.ok) return newKey;
  if (type.value === 'p10cr' && !('sign' in Object(newKey.value))) return fail('A p10cr is signed by its key: choose one that signs.');
  const opener = key.value?.opener;
  const agreement = more.value.possession === 'agreeMAC' ? agreementOf(options, opener) : ok(undefined);
  if (!agreement.ok) return agreement;
  const enrolment: CmpEnrolment = {
    ...server.value,
    ...more.value,
    type: type.value,
    subject: subject.value,
    newKey: newKey.value,
    ...(opener && { opener }),
    ...(agreement.value && { agreement: agreement.value }),
    ...(type.value === 'kur' && signedBy && { oldCertificate: signedBy }),
  };
  return ok({ out, key: key.value, enrolment });
}

/** What agreeMAC needs: a new EC key and the certificate of the RA that it agrees with. */
function agreementOf(options: EnrolCmpOptions, opener: DeviceKey['opener']): Result<CertificateWish['agreement'], string> {
  const agreeWith = agreementCertificate(options);
  if (!agreeWith.ok) return agreeWith;
  if (opener?.kind !== 'key' || opener.privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return fail('--possession agreeMAC needs a P-256 key.');
  return ok({ privateKey: opener.privateKey, agreeWith: agreeWith.value });
}

function oneOf<T extends string>(option: string, given: string, allowed: readonly T[]): Result<T, string> {
  const found = allowed.find((item) => item === given);
  return found === undefined ? fail(`${option} must be one of ${allowed.join(', ')}.`) : ok(found);
}

/** What is wished beyond name and key. */
function wishesOf(options: EnrolCmpOptions, numbered: (text: string) => string) {
  const possession = oneOf('--possession', options.possession, possessions);
  if (!possession.ok) return possession;
  const confirmation = oneOf('--confirm', options.confirm, confirmations);
  if (!confirmation.ok) return confirmation;
  const extensions = sanExtensions(options.san.map(numbered));
  if (!extensions.ok) return extensions;
  const days = options.days === undefined ? undefined : Number(options.days);
  if (days !== undefined && !(days > 0)) return fail('--days must be a number.');
  return ok({
    possession: possession.value,
    confirmation: confirmation.value,
    extensions: extensions.value,
    ...(days !== undefined && { notAfter: new Date(Date.now() + days * 86_400_000) }),
    ...(options.implicitConfirm && { implicitConfirm: true }),
    ...(options.profile !== undefined && { certProfile: options.profile }),
    ...(options.token !== undefined && { regToken: options.token }),
    ...(options.authenticator !== undefined && { authenticator: options.authenticator }),
  });
}

function keyOf(options: EnrolCmpOptions): Result<DeviceKey | undefined, string> {
  if (options.centralKey !== undefined) return options.key === undefined ? ok(undefined) : fail('Give --key or --central-key.');
  return options.key === undefined ? newDeviceKey(options.keyType) : readDeviceKeyFile(options.key);
}

function newKeyOf({ centralKey, possession }: EnrolCmpOptions, key: DeviceKey | undefined): Result<CertificateWish['newKey'], string> {
  if (key === undefined) {
    if (centralKey === true || centralKey === 'any' || centralKey === undefined) return ok('any');
    const kind = centralKeyKinds[centralKey];
    return kind === undefined ? fail(`--central-key must be any, or one of ${Object.keys(centralKeyKinds).join(', ')}.`) : ok(kind);
  }
  if (key.signer !== undefined) return ok(key.signer);
  return possession === 'signature' ? fail('This key does not sign: give --possession encrCert or challengeResp.') : ok({ publicKey: key.publicKey });
}
