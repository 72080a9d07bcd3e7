import { createSignerMemory, handleCmpMessage } from '../../../src/endpoints/cmp/index.js';
import { createMacKeys, decodePkiBody, decodePkiMessage, type PkiBody } from '../../../src/protocol/cmp/index.js';
import { clock, createCore } from '../core.js';
import type { Corpus } from '../corpus.js';
import { must, type Target, type Trial } from '../target.js';
import type { World } from '../world.js';
import { contentKey, recheckCmpIssue, recheckForged, recheckRevocation } from './cmp-authority.js';
import { createCmpMessageMaker } from './cmp-message.js';
import { type CmpPlace, createCmpPlaces } from './places.js';
import { loadPool } from './pool.js';
import { engineSigner } from './scep.js';
import { finder, Stages } from './stages.js';

/** In so many of ten messages the protection is right whatever was changed inside. */
const protectedOfTen = 3;

/**
 * CMP messages against the real core at profiles of all kinds: some only changed, of which none may be taken, others changed and protected
 * anew, so that they reach the policy. What is issued or revoked is held against policy and protection by other readers.
 */
export async function deepCmpTarget(corpus: Corpus, world: World): Promise<Target> {
  const pool = loadPool().filter(({ name }) => !/4096|3072/.test(name));
  const places = createCmpPlaces(world, pool);
  const maker = await createCmpMessageMaker(corpus, world, pool);
  const genuine = new Set(corpus.cmp.flatMap(({ bytes }) => messageKeys(bytes)));
  const sign = engineSigner(world);
  const memory = { macKeys: createMacKeys(), signers: createSignerMemory() };
  const stages = new Stages<CmpPlace>((place) => createCore(world, { sign, issuedBefore: finder(place.issuedBefore) }));

  const make: Target['make'] = (random) => {
    const isVouched = random.below(10) < protectedOfTen;
    const bytes = isVouched ? maker.protectedAnew(random) : maker.forged(random);
    return { bytes, isVouched, place: random.below(places.length) };
  };

  const check = async ({ bytes, isVouched, place: number = 0 }: Trial): Promise<string> => {
    const place = places[number] as CmpPlace;
    const core = stages.at(place);
    const deps = { enrolment: core.enrolment, clock, log: core.log, ...memory };
    const reply = await handleCmpMessage(place.endpoint, bytes, { clientIp: `192.0.2.${bytes.at(-1) ?? 0}` }, deps);
    const [error] = core.takeErrors();
    must(error === undefined, `an error was logged: ${error}`);
    const recorded = core.takeRecorded();
    const issues = core.takeIssued();
    for (const issue of issues) recheckCmpIssue(issue, bytes, place, world);
    const how = isVouched ? 'protected anew' : 'changed';
    if (reply.status !== 200) return `${how}: HTTP ${reply.status}`;
    const answered = readAnswer(reply.bytes);
    if (!isVouched) recheckForged(bytes, answered, genuine);
    for (const { content } of recorded) must(isVouched || genuine.has(content.toString('latin1')), 'an order was recorded that nobody protected');
    recheckRevocation(bytes, answered);
    for (const { orderId, isConfirmed } of reply.delivered ?? []) core.enrolment.noteDelivered(place.endpoint.profile, orderId, isConfirmed);
    return `${how}: ${statusOf(answered)}${issues.length === 0 ? '' : ', issued'}`;
  };
  return { name: 'cmp-deep', weight: 1, make, check, isTallied: true };
}

function messageKeys(bytes: Buffer): readonly string[] {
  const message = decodePkiMessage(bytes);
  return message.ok ? [contentKey(message.value)] : [];
}

function readAnswer(bytes: Buffer): PkiBody {
  const message = decodePkiMessage(bytes);
  if (!message.ok) throw message.error;
  const body = decodePkiBody(message.value);
  if (!body.ok) throw body.error;
  must(message.value.protection !== undefined, 'a reply is not protected');
  return body.value;
}

/** The type of an answer with its status and failInfo. */
function statusOf(body: PkiBody): string {
  const shown = ({ status, failInfo = [] }: { readonly status: string; readonly failInfo?: readonly string[] }) =>
    `${body.type} ${status} ${failInfo.join('+')}`.trim();
  if (body.type === 'error') return shown(body.content.pKIStatusInfo);
  if (body.type === 'rp') return body.content.status.map(shown).join(', ');
  if (body.type !== 'ip' && body.type !== 'cp' && body.type !== 'kup') return body.type;
  const [first] = body.content.response;
  return first === undefined ? `${body.type} of nothing` : shown(first.status);
}
