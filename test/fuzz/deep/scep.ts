import { loadCa } from '../../../src/crypto-engine/loaded-ca.js';
import { signEndEntity } from '../../../src/crypto-engine/sign.js';
import { handlePkiOperation } from '../../../src/endpoints/scep/translate.js';
import type { LocalIssuer } from '../../../src/enrolment/ports.js';
import { createKeyUnwrapper, type KeyUnwrapper } from '../../../src/protocol/cms/index.js';
import { type CertRep, decodeRequest, openCertRep, readCertRep } from '../../../src/protocol/scep/index.js';
import { ok } from '../../../src/runtime/result.js';
import { atOnce } from '../../support/at-once.js';
import { clock, createCore } from '../core.js';
import type { Corpus } from '../corpus.js';
import { must, type Target, type Trial } from '../target.js';
import { seedTime, type World } from '../world.js';
import { recheckIssue } from './authority.js';
import { createPlaces, type Place } from './places.js';
import { loadPool, type PoolKey } from './pool.js';
import { createMessageMaker } from './scep-message.js';
import { finder, Stages } from './stages.js';

/** The embedded engine's own writer of certificates, with the CA of the fixtures and the time of the fuzzer. */
export function engineSigner({ ca }: World): LocalIssuer['sign'] {
  const privateKey = ca.privateKey.export({ format: 'der', type: 'pkcs8' });
  const stored = { id: 'ca', certificate: ca.certificate.der, privateKey, parentId: 'ca', state: 'active', activatesAt: null, createdAt: seedTime } as const;
  const loaded = loadCa(stored, { publicBaseUrl: 'http://ca.example' });
  return (request) => {
    const signed = atOnce(signEndEntity(loaded, request, seedTime));
    return signed.ok ? ok({ caId: 'ca', certificate: signed.value }) : signed;
  };
}

/** Requests that are right in form and signature, for profiles of all kinds, against the real core: what is issued is held against the policy by other readers. */
export function deepScepTarget(corpus: Corpus, world: World): Target {
  const pool = loadPool();
  const places = createPlaces(world, pool);
  const donors = [...corpus.csr, ...corpus.certificate, ...corpus.name, ...corpus.names, ...corpus.key];
  const maker = createMessageMaker(world, pool, donors);
  const sign = engineSigner(world);
  const stages = new Stages<Place>((place) =>
    createCore(world, {
      sign,
      issuedBefore: finder(place.issuedBefore),
      minted: { tenantId: place.endpoint.profile.tenantId, challenges: place.minted.map(({ row }) => row) },
    }),
  );
  const unwrappers = new Map<PoolKey, KeyUnwrapper>();
  const unwrapperOf = (key: PoolKey): KeyUnwrapper => {
    const unwrapper = unwrappers.get(key) ?? createKeyUnwrapper(key.privateKey);
    unwrappers.set(key, unwrapper);
    return unwrapper;
  };

  const make: Target['make'] = (random) => {
    const place = random.below(places.length);
    return { bytes: maker.message(places[place] as Place, random), isVouched: true, place };
  };

  /** The certificate in an answer is the one that was issued, and its requester can read it. */
  const checkSuccess = (bytes: Buffer, reply: CertRep): void => {
    const request = decodeRequest(bytes);
    must(request.ok, 'a request that cannot be read was granted');
    if (!request.ok) return;
    const { signer } = request.value;
    const key = pool.find((item) => item.publicKey.spki.equals(signer.publicKey.spki));
    if (key === undefined || key.publicKey.type !== 'rsa') return;
    const opened = openCertRep(reply, signer, unwrapperOf(key));
    must(opened.ok, `the signer of a request cannot open its answer: ${opened.ok ? '' : opened.error}`);
  };

  const check = async ({ bytes, place: number = 0 }: Trial): Promise<string> => {
    const place = places[number] as Place;
    const core = stages.at(place);
    const caller = { clientIp: `192.0.2.${bytes.at(-1) ?? 0}`, userAgent: 'fuzz', contentType: '', method: 'POST' } as const;
    const reply = await handlePkiOperation(place.endpoint, bytes, caller, { enrolment: core.enrolment, clock });
    const [error] = core.takeErrors();
    must(error === undefined, `an error was logged: ${error}`);
    core.takeRecorded();
    const issues = core.takeIssued();
    must(issues.length <= 1, 'more than one certificate was issued for one message');
    for (const issue of issues) await recheckIssue(issue, place);
    if (reply.kind !== 'certRep') return reply.kind;
    const read = readCertRep(reply.message, world.ra.certificate);
    must(read.ok, `a reply cannot be read: ${read.ok ? '' : read.error}`);
    if (!read.ok) return '';
    const { status, failInfo, failInfoText = '' } = read.value;
    if (status === 'SUCCESS' && (bytes.at(-1) ?? 0) % 4 === 0) checkSuccess(bytes, read.value);
    if (reply.orderId !== undefined) core.enrolment.noteDelivered(place.endpoint.profile, reply.orderId, false);
    if (status === 'PENDING') return status;
    if (status === 'SUCCESS') return `${status} ${issues.length === 0 ? 'as before' : 'issued'}`;
    return `FAILURE ${failInfo}: ${failInfoText.replace(/ Expected:.*/, '')}`;
  };
  return { name: 'scep-deep', weight: 2, make, check, isTallied: true };
}
