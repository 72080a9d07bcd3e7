import { fromPem, parseCertificate, parseCsr, serialHex, subjectAltNames, toPem } from '../../../src/pkix/index.js';
import { issue } from './issue.js';
import { nameText } from './names.js';
import { crlOf } from './pki.js';
import { type Issued, Refused, type State, type Wrong } from './state.js';

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

export const json = (status: number, body: unknown): Reply => ({ status, type: 'application/json', body: Buffer.from(JSON.stringify(body)) });
export const refusal = ({ status, message }: Refused): Reply => json(status, { error_code: status, error_message: message });
export const disabled: Reply = {
  status: 403,
  type: 'text/html',
  body: Buffer.from('<html><head><title>Error</title></head><body>This service has been disabled.</body></html>'),
};
const absent = json(404, { error_code: 404, error_message: 'RESTEASY003210: Could not find resource for full path' });

const reasons = [
  'UNSPECIFIED',
  'KEY_COMPROMISE',
  'CA_COMPROMISE',
  'AFFILIATION_CHANGED',
  'SUPERSEDED',
  'CESSATION_OF_OPERATION',
  'CERTIFICATE_HOLD',
  '',
  'REMOVE_FROM_CRL',
  'PRIVILEGES_WITHDRAWN',
  'AA_COMPROMISE',
];

/** Which call a request is; undefined where EJBCA has none such. */
export function restCall(method: string, path: string): string | undefined {
  const routes: readonly (readonly [string, RegExp, string])[] = [
    ['GET', /^v[12]\/certificate\/status$|^v1\/ca\/status$/, 'status'],
    ['POST', /^v1\/certificate\/pkcs10enroll$/, 'pkcs10enroll'],
    ['POST', /^v[12]\/certificate\/search$/, 'search'],
    ['PUT', /^v1\/certificate\/[^/]+\/[0-9a-f]+\/revoke$/i, 'revoke'],
    ['GET', /^v1\/certificate\/[^/]+\/[0-9a-f]+\/revocationstatus$/i, 'revocationstatus'],
    ['GET', /^v1\/ca$/, 'cas'],
    ['GET', /^v1\/ca\/[^/]+\/certificate\/download$/, 'chain'],
    ['GET', /^v1\/ca\/[^/]+\/getLatestCrl$/, 'crl'],
  ];
  return routes.find(([verb, pattern]) => verb === method && pattern.test(path))?.[2];
}

export interface RestRequest {
  readonly call: string | undefined;
  /** Behind the REST root. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly wrong?: Wrong | undefined;
}

type Json = Record<string, unknown>;

export function answerRest(state: State, request: RestRequest): Reply {
  const { settings } = state;
  if (request.path.startsWith('v2/') ? !settings.restV2 : !settings.restV1) return disabled;
  if (request.call === undefined || (request.path.startsWith('v1/ca') && !request.path.startsWith('v1/certificate') && !settings.caCalls)) return absent;
  try {
    return answer(state, request);
  } catch (error) {
    if (error instanceof Refused) return refusal(error);
    return json(500, { error_code: 500, error_message: 'General failure.' });
  }
}

function answer(state: State, request: RestRequest): Reply {
  const body = (request.body.length === 0 ? {} : JSON.parse(request.body.toString('utf8'))) as Json;
  const [, , first = '', second = ''] = request.path.split('/').map(decodeURIComponent);
  switch (request.call) {
    case 'status':
      return json(200, { status: 'OK', version: '1.0', revision: 'EJBCA 8.3.2 Community (fake)' });
    case 'pkcs10enroll':
      return enrol(state, body, request.wrong);
    case 'search':
      return request.path.startsWith('v2/') ? search(state, body) : oldSearch(state, body);
    case 'revoke':
      return revoke(state, first, second, request.query.get('reason') ?? '');
    case 'revocationstatus':
      return json(200, statusOf(first, second, found(state, first, second)));
    default:
      return answerCa(state, request.call ?? '', first);
  }
}

function enrol(state: State, body: Json, wrong: Wrong | undefined): Reply {
  const csr = parseCsr(fromPem('CERTIFICATE REQUEST', String(body.certificate_request))[0] ?? Buffer.alloc(0));
  if (!csr.ok) throw new Refused(400, 'Cannot handle malformed inbound certificate request');
  const sans = subjectAltNames(csr.value.extensions);
  const issued = issue(
    state,
    {
      username: String(body.username),
      caName: String(body.certificate_authority_name),
      endEntityProfile: String(body.end_entity_profile_name),
      certificateProfile: String(body.certificate_profile_name),
      subject: csr.value.subject,
      sans: sans.ok ? sans.value : [],
      spki: csr.value.publicKey.spki,
    },
    wrong,
  );
  const chain = body.include_chain === true ? { certificate_chain: state.cas.get(issued.caName)?.chain.map((der) => der.toString('base64')) } : {};
  return json(201, { certificate: issued.der.toString('base64'), serial_number: issued.serial.toUpperCase(), response_format: 'DER', ...chain });
}

interface Criterion {
  readonly property: string;
  readonly value: string;
  readonly operation: string;
}

function matches(state: State, criteria: readonly Criterion[]): Issued[] {
  const visible = state.settings.isSearchBlind ? [] : state.issued.filter(({ issuedAt }) => Date.now() >= issuedAt + state.settings.searchLagMs);
  return visible.filter((item) => criteria.every((criterion) => isMatch(state, item, criterion)));
}

function isMatch(state: State, item: Issued, { property, value, operation }: Criterion): boolean {
  const known = (names: Iterable<string>, what: string) => {
    if (![...names].includes(value)) throw new Refused(400, `Invalid search criteria content, unknown ${what}.`);
  };
  switch (property) {
    case 'QUERY':
      return [item.username, item.subject, item.serial].some((text) => text.toLowerCase() === value.toLowerCase());
    case 'CA':
      known(state.cas.keys(), 'CA');
      return item.caName === value;
    case 'END_ENTITY_PROFILE':
      known(state.endEntityProfiles, 'end entity profile');
      return item.endEntityProfile === value;
    case 'CERTIFICATE_PROFILE':
      known(state.certificateProfiles, 'certificate profile');
      return item.certificateProfile === value;
    case 'ISSUED_DATE': {
      const at = Date.parse(value);
      if (Number.isNaN(at)) throw new Refused(400, 'Invalid search criteria content, cannot parse date.');
      return operation === 'AFTER' ? item.issuedAt > at : item.issuedAt < at;
    }
    default:
      throw new Refused(400, 'Invalid search criteria property value.');
  }
}

/** Names are checked also where nothing has been issued yet. */
function checkNames(state: State, criteria: readonly Criterion[]): void {
  const nothing = { username: '', subject: '', serial: '', caName: '', endEntityProfile: '', certificateProfile: '', issuedAt: 0 } as unknown as Issued;
  for (const criterion of criteria) isMatch(state, nothing, criterion);
}

function search(state: State, body: Json): Reply {
  const criteria = body.criteria as Criterion[];
  checkNames(state, criteria);
  const all = matches(state, criteria);
  const pagination = body.pagination as { page_size: number; current_page: number } | undefined;
  const page = pagination === undefined ? [] : all.slice((pagination.current_page - 1) * pagination.page_size).slice(0, pagination.page_size);
  return json(200, { certificates: page.map((item) => hit(state, item)), pagination_summary: { ...pagination, total_certs: all.length } });
}

function hit(state: State, item: Issued): Json {
  return {
    issuerDN: issuerOf(state, item.caName),
    subjectDN: item.subject,
    serialNumber: item.serial,
    status: item.revokedAt === undefined ? 20 : 40,
    revocationReason: item.reason ?? -1,
    revocationDate: item.revokedAt ?? -1,
    udpateTime: item.issuedAt,
    username: item.username,
    base64Cert: item.der.toString('base64'),
  };
}

function oldSearch(state: State, body: Json): Reply {
  const most = Number(body.max_number_of_results);
  if (!(most >= 1 && most <= 400)) throw new Refused(400, 'Invalid maximum number of results.');
  const criteria = body.criteria as Criterion[];
  checkNames(state, criteria);
  const all = matches(state, criteria);
  const certificates = all.slice(0, most).map(({ der, serial }) => ({ certificate: der.toString('base64'), serial_number: serial, response_format: 'DER' }));
  return json(200, { certificates, more_results: all.length > most });
}

export function issuerOf({ cas }: State, caName: string): string {
  const ca = cas.get(caName);
  return ca === undefined ? '' : nameText(ca.certificate.subject);
}

function found(state: State, issuer: string, serial: string): Issued {
  if (![...state.cas.keys()].some((name) => issuerOf(state, name) === issuer)) throw new Refused(404, `CA with DN ${issuer} does not exist.`);
  const item = state.issued.find((issued) => issued.serial === serial.toLowerCase() && issuerOf(state, issued.caName) === issuer);
  if (item === undefined) throw new Refused(404, `Certificate with issuer ${issuer} and serial ${serial} was not found.`);
  return item;
}

function statusOf(issuer: string, serial: string, { revokedAt, reason }: Issued): Json {
  const revoked = revokedAt !== undefined;
  return { issuer_dn: issuer, serial_number: serial, revoked, revocation_reason: revoked ? reasons[reason ?? 0] : 'NOT_REVOKED' };
}

function revoke(state: State, issuer: string, serial: string, name: string): Reply {
  const reason = reasons.indexOf(name);
  if (reason === -1 || name === '') throw new Refused(400, `Invalid revocation reason ${name}.`);
  if (!state.settings.isAdministrator) throw new Refused(403, 'Administrator not authorized to resource /administrator.');
  const item = found(state, issuer, serial);
  if (state.settings.revocationApprovals) return json(202, { status_code: 202, info_message: 'The revocation request has been sent for approval.' });
  const isHeld = item.revokedAt !== undefined && item.reason === 6;
  if (item.revokedAt !== undefined && !isHeld)
    throw new Refused(409, `Certificate with issuer: ${issuer} and serial number: ${serial} has previously been revoked.`);
  if (name === 'REMOVE_FROM_CRL') {
    if (!isHeld) throw new Refused(409, 'Certificate is not on hold, so it was not revoked.');
    delete item.revokedAt;
    delete item.reason;
  } else {
    item.revokedAt = Date.now();
    item.reason = reason;
  }
  return json(200, { ...statusOf(issuer, serial, item), message: 'Successfully revoked' });
}

function revokedBefore(count: number) {
  const revokedAt = new Date(Math.floor(Date.now() / 1000) * 1000);
  return Array.from({ length: count }, (_, index) => {
    const serial = Buffer.alloc(16, 0x5a);
    serial.writeUInt32BE(index, 12);
    return { serial, revokedAt, reason: 4 };
  });
}

export function crlFor(state: State, caName: string): Buffer | undefined {
  const ca = state.cas.get(caName);
  if (ca === undefined) return undefined;
  state.crlNumber += 1;
  const revoked = state.issued
    .filter((item) => item.caName === caName && item.revokedAt !== undefined)
    .map(({ serial, revokedAt, reason }) => ({ serial: Buffer.from(serial, 'hex'), revokedAt: new Date(revokedAt ?? 0), reason: reason ?? 0 }));
  return crlOf(ca, [...revokedBefore(state.settings.revokedBefore), ...revoked], state.crlNumber);
}

export function caByDn(state: State, dn: string): string | undefined {
  return [...state.cas.keys()].find((name) => issuerOf(state, name) === dn);
}

export function chainPem(state: State, caName: string): string {
  return (state.cas.get(caName)?.chain ?? []).map((der) => toPem('CERTIFICATE', der)).join('');
}

function answerCa(state: State, call: string, dn: string): Reply {
  if (call === 'cas') {
    const certificate_authorities = [...state.cas.keys()].map((name) => ({ id: 1, name, subject_dn: issuerOf(state, name), issuer_dn: '' }));
    return json(200, { certificate_authorities });
  }
  const caName = caByDn(state, dn);
  if (caName === undefined) throw new Refused(404, `CA with DN ${dn} does not exist.`);
  if (call === 'chain') return { status: 200, type: 'application/octet-stream', body: Buffer.from(chainPem(state, caName)) };
  return json(200, { crl: crlFor(state, caName)?.toString('base64'), response_format: 'DER' });
}

/** What the control port tells of a certificate. */
export function told({ username, der, serial, caName, endEntityProfile, certificateProfile, subject, keyHash, issuedAt, revokedAt, reason }: Issued) {
  const parsed = parseCertificate(der);
  const isWhole = parsed.ok && serialHex(parsed.value.serial) === serial;
  return {
    username,
    der: der.toString('base64'),
    serial,
    caName,
    endEntityProfile,
    certificateProfile,
    subject,
    keyHash,
    issuedAt,
    revokedAt,
    reason,
    isWhole,
  };
}
