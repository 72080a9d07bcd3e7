import { randomBytes } from 'node:crypto';
import t from 'tap';
import { createEngine } from '../../src/crypto-engine/index.js';
import type { Issuer } from '../../src/enrolment/ports.js';
import type { EnrolmentRequest } from '../../src/enrolment/request.js';
import { createEnrolment, enrolmentDeps } from '../../src/enrolment/service.js';
import { type CertificateList, nameToText, parseCrl, serialHex, signCrl, toPem } from '../../src/pkix/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { tenantContext } from '../../src/tenancy/context.js';
import { policySchema } from '../../src/tenancy/policy.js';
import { warningsOf } from '../../src/tenancy/profile-warnings.js';
import { type DeviceName, matchKeyOf } from '../../src/tenancy/vendor-device.js';
import { type Authority, named, newAuthority, newDevice, newKey } from '../endpoints/cmp/stage.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { memoryStore } from '../support/memory-store.js';
import { memoryVendorDevices } from '../support/memory-vendor-devices.js';
import { cmpProfile } from '../support/profiles.js';

const vendor = newAuthority('Radio Root');
const line = newAuthority('Radio Line 3', vendor);

async function embedded(): Promise<Issuer> {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:1' });
  await engine.ensureCas();
  return {
    timing: { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 4 },
    capabilities: { lookup: true, uniqueRef: true },
    issue: async () => ({ kind: 'refused', reason: 'only locally' }),
    lookup: async () => ({ kind: 'none' }),
    revoke: (certificate, reason) => engine.revoke(certificate, reason),
    chain: async () => engine.chain(),
    local: { sign: (request) => engine.sign(request) },
  };
}

function listOf(authority: Authority, revoked: readonly Buffer[] = []): CertificateList {
  const [thisUpdate, nextUpdate] = [new Date(Date.now() - 60_000), new Date(Date.now() + 3_600_000)];
  const entries = revoked.map((serial) => ({ serial, revokedAt: thisUpdate, reason: 1 }));
  const fields = { issuer: authority.certificate.subject, thisUpdate, nextUpdate, revoked: entries, extensions: [] };
  const parsed = parseCrl(signCrl(fields, authority.key.signer));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

interface HouseOptions {
  readonly cmp?: Partial<ReturnType<typeof policySchema.parse>['cmp']>;
  readonly lists?: readonly CertificateList[];
}

async function house(options: HouseOptions = {}) {
  const issuer = await embedded();
  const trustAnchors = [toPem('CERTIFICATE', vendor.certificate.der)];
  const profile = cmpProfile({ policy: policySchema.parse({ cmp: { trustAnchors, ...options.cmp } }) });
  const vendorDevices = memoryVendorDevices(systemClock);
  const asked: string[] = [];
  const store = memoryStore();
  const deps = enrolmentDeps({
    ...store,
    orderReader: store.orderReader as never,
    credentials: { findSharedSecret: async () => undefined },
    vendorDevices,
    revocationLists: {
      listsAt: async (urls) => {
        asked.push(...urls);
        return options.lists ?? [];
      },
    },
    audit: { append: async () => {} },
    issuers: { forProfile: async () => issuer, forOrder: async () => issuer },
    challengeMacKey: Buffer.alloc(32, 1),
    clock: systemClock,
    log: createLog('silent'),
  });
  const enrolment = createEnrolment(deps);
  return {
    profile,
    asked,
    noted: store.noted,
    async allow(name: DeviceName, more: { maxUses?: number; expiresAt?: Date } = {}) {
      const id = `00000000-0000-7000-8000-${randomBytes(6).toString('hex')}`;
      const fields = { id, matchKey: matchKeyOf(name), issuer: null, serial: null, subject: null, label: null, maxUses: 1, expiresAt: null };
      await vendorDevices.add(tenantContext(profile.tenantId, 'test'), profile.id, [{ ...fields, ...more }]);
    },
    async enrol(request: EnrolmentRequest): Promise<string> {
      const outcome = await enrolment.enrol(profile, request);
      return outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind === 'issued' && outcome.isReplay ? 'replayed' : outcome.kind;
    },
    used: async () => (await vendorDevices.list(tenantContext(profile.tenantId, 'test'), profile.id, { limit: 10 })).items.map(({ used }) => used),
  };
}

type Device = ReturnType<typeof newDevice>;

function ir(device: Device, more: Partial<EnrolmentRequest> = {}): EnrolmentRequest {
  const { publicKey } = newKey().signer;
  const subject = named('gnb-1');
  return {
    protocol: 'cmp',
    intent: 'initial',
    transactionId: randomBytes(16).toString('hex'),
    requester: device.certificate.publicKey.fingerprint,
    content: randomBytes(8),
    evidence: { signer: { certificate: device.certificate, others: [line.certificate] } },
    wanted: { publicKey, subject, extensions: [] },
    facts: { clientIp: '192.0.2.1', clientFamily: '', keyType: publicKey.name, digest: 'sha256', cipher: '' },
    session: {},
    ...more,
  };
}

const bySerial = ({ certificate }: Device): DeviceName => ({ issuer: certificate.issuer, serial: serialHex(certificate.serial) });

t.test('CMP-113 CMP-218 CMP-223 a vendor’s certificate is good for nothing until its device stands on the list', async (t) => {
  const place = await house();
  const [device, other] = [newDevice('SN 1', line), newDevice('SN 2', line)];
  t.equal(await place.enrol(ir(device)), 'not-authorised', 'default deny');
  t.match(place.noted.at(-1), { reason: 'not-authorised', detail: /SN 1 is not on the list/ });
  await place.allow(bySerial(device));
  t.equal(await place.enrol(ir(other)), 'not-authorised', 'a device of the same vendor');
  t.equal(await place.enrol(ir(device)), 'issued');
  t.equal(await place.enrol(ir(device)), 'not-authorised', 'used up');
  await place.allow({ subject: other.certificate.subject }, { maxUses: 2 });
  t.equal(await place.enrol(ir(other)), 'issued', 'by subject');
  t.equal(
    await place.enrol(ir(newDevice('SN 2', newAuthority('Other Line', newAuthority('Other Root'))))),
    'signer-not-trusted',
    'the same name below no anchor',
  );
  const old = newDevice('SN 3', line);
  await place.allow(bySerial(old), { expiresAt: new Date(Date.now() - 1000) });
  t.equal(await place.enrol(ir(old)), 'not-authorised', 'expired');
  t.match(place.noted.at(-1)?.detail, /was on the list until/);
});

t.test('CMP-223 a retransmission counts once, and is answered alike when the device is used up', async (t) => {
  const place = await house();
  const device = newDevice('SN 1', line);
  await place.allow(bySerial(device));
  const first = ir(device);
  t.equal(await place.enrol(first), 'issued');
  t.equal(await place.enrol(first), 'replayed');
  t.equal(await place.enrol({ ...first, content: randomBytes(8) }), 'transaction-in-use');
  t.same(await place.used(), [1]);
});

t.test('CMP-112 CMP-114 a listed device may ask for its first certificate, for nothing else', async (t) => {
  const place = await house();
  const device = newDevice('SN 1', line);
  await place.allow(bySerial(device), { maxUses: 9 });
  t.equal(await place.enrol(ir(device, { intent: 'additional' })), 'not-authorised', 'cr');
  t.equal(await place.enrol(ir(device, { intent: 'renewal' })), 'not-authorised', 'kur');
  const anchor = { certificate: vendor.certificate, key: vendor.key };
  await place.allow({ subject: vendor.certificate.subject });
  t.equal(await place.enrol(ir(anchor)), 'signer-not-trusted', 'the anchor itself');
  t.same(await place.used(), [0, 0]);
});

t.test('a whole vendor is let in only where the policy says so, and the log warns of it', async (t) => {
  const place = await house({ cmp: { vendorDevices: 'any' } });
  t.equal(await place.enrol(ir(newDevice('SN 1', line))), 'issued');
  t.match(warningsOf(place.profile), [/^Any device that a vendor's CA/]);
  t.same(warningsOf((await house()).profile), []);
});

t.test('CMP-075 the CRLs that the profile names are asked for every certificate of the chain', async (t) => {
  const urls = ['http://crl.vendor.example/root.crl', 'http://crl.vendor.example/line3.crl'];
  const device = newDevice('SN 1', line);
  const rows: readonly (readonly [row: string, options: HouseOptions, expected: string])[] = [
    ['all good', { lists: [listOf(vendor), listOf(line)] }, 'issued'],
    ['the device is revoked', { lists: [listOf(vendor), listOf(line, [device.certificate.serial])] }, 'signer-revoked'],
    ['its CA is revoked', { lists: [listOf(vendor, [line.certificate.serial]), listOf(line)] }, 'signer-revoked'],
    ['no list of its CA', { lists: [listOf(vendor)] }, 'signer-not-trusted'],
    ['no list at all', {}, 'signer-not-trusted'],
    ['no list, and the policy says accept', { cmp: { crlMissing: 'accept' } }, 'issued'],
    [
      'revoked, whatever the policy says of missing lists',
      { cmp: { crlMissing: 'accept' }, lists: [listOf(line, [device.certificate.serial])] },
      'signer-revoked',
    ],
    ['a list that somebody else signed', { lists: [listOf(vendor), { ...listOf(vendor), issuer: line.certificate.subject }] }, 'signer-not-trusted'],
  ];
  for (const [row, options, expected] of rows) {
    const place = await house({ ...options, cmp: { vendorDevices: 'any', crlUrls: urls, ...options.cmp } });
    t.equal(await place.enrol(ir(device)), expected, row);
    t.same(place.asked, urls, row);
  }
  const unasked = await house({ cmp: { vendorDevices: 'any' } });
  t.equal(await unasked.enrol(ir(device)), 'issued');
  t.same(unasked.asked, [], 'without URLs nothing is fetched');
  t.equal(nameToText(device.certificate.subject), 'CN=SN 1');
});
