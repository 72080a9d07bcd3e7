import { createSignerMemory, handleCmpMessage } from '../../../src/endpoints/cmp/index.js';
import { createCipherTextMemory } from '../../../src/endpoints/cmp/kem-answers.js';
import type { Certificate } from '../../../src/pkix/index.js';
import { agreeMacOf, createMacKeys, decodePkiBody, decodePkiMessage, type PkiBody } from '../../../src/protocol/cmp/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import { seedOf } from '../../support/mutate.js';
import { seededRandom } from '../../support/random.js';
import { clock, createCore } from '../core.js';
import type { Corpus } from '../corpus.js';
import { must, type Target, type Trial } from '../target.js';
import type { World } from '../world.js';
import { createAgreedMessageMaker, passphraseName } from './agreed-message.js';
import { contentKey, recheckCmpIssue, recheckForged, recheckRevocation } from './cmp-authority.js';
import { createCmpMessageMaker } from './cmp-message.js';
import { createEncryption, type Encryption, isUnderCipherText } from './encryption.js';
import { agreedPlaces, type CmpPlace, createCmpPlaces } from './places.js';
import { loadPool, type PoolKey } from './pool.js';
import { engineSigner } from './scep.js';
import { finder, Stages } from './stages.js';

/** In so many of ten messages the protection is right whatever was changed inside. */
const protectedOfTen = 3;
/** Sound messages by the encryption keys of the RA, which others are made of by changes that nobody protects. */
const agreedSeeds = 40;

/**
 * CMP messages against the real core at profiles of all kinds: some only changed, of which none may be taken, others changed and protected
 * anew, so that they reach the policy. What is issued or revoked is held against policy and protection by other readers.
 */
export async function deepCmpTarget(given: Corpus, world: World): Promise<Target> {
  const pool = loadPool().filter(({ name }) => !/4096|3072/.test(name));
  const encryption = createEncryption(world, pool);
  const places = createCmpPlaces(world, pool, encryption);
  const agreedAt = agreedPlaces.map((name) => places.findIndex((place) => place.name === name));
  const agreed = await createAgreedMessageMaker(given, world, pool, encryption);
  const seeds = Array.from({ length: agreedSeeds }, (_, index) => seedOf(`agreed/${index}`, agreed(seededRandom(4711, index))));
  const corpus: Corpus = { ...given, cmp: [...given.cmp, ...seeds] };
  const passphrases = new Map(holdersOf(encryption, world, pool).map((certificate) => [passphraseName(certificate), certificate.serial.toString('hex')]));
  const maker = await createCmpMessageMaker(corpus, world, pool);
  const genuine = new Set(corpus.cmp.flatMap(({ bytes }) => messageKeys(bytes)));
  const sign = engineSigner(world);
  const memory = { macKeys: createMacKeys(), signers: createSignerMemory(), cipherTexts: createCipherTextMemory() };
  const stages = new Stages<CmpPlace>((place) => createCore(world, { sign, issuedBefore: finder(place.issuedBefore) }));

  const make: Target['make'] = (random) => {
    const isVouched = random.below(10) < protectedOfTen;
    if (isVouched && random.oneIn(4)) return { bytes: agreed(random), isVouched, place: random.pick(agreedAt) };
    const bytes = isVouched ? maker.protectedAnew(random) : maker.forged(random);
    return { bytes, isVouched, place: random.below(places.length) };
  };

  const check = async ({ bytes, isVouched, place: number = 0 }: Trial): Promise<string> => {
    const place = places[number] as CmpPlace;
    const core = stages.at(place);
    const deps = { enrolment: core.enrolment, clock, log: core.log, passphrases: core.passphrases, ...memory };
    const reply = await handleCmpMessage(place.endpoint, bytes, { clientIp: `192.0.2.${bytes.at(-1) ?? 0}` }, deps);
    const [error] = core.takeErrors();
    must(error === undefined, `an error was logged: ${error}`);
    const recorded = core.takeRecorded();
    const issues = core.takeIssued();
    for (const issue of issues) recheckCmpIssue(issue, bytes, place, world, encryption);
    const how = isVouched ? 'protected anew' : 'changed';
    if (reply.status !== 200) return `${how}: HTTP ${reply.status}`;
    const answered = readAnswer(reply.bytes, bytes, place, encryption);
    if (!isVouched) recheckForged(bytes, answered, genuine);
    for (const { content } of recorded) must(isVouched || genuine.has(content.toString('latin1')), 'an order was recorded that nobody protected');
    recheckRevocation(bytes, answered, passphrases);
    for (const { orderId, isConfirmed } of reply.delivered ?? []) core.enrolment.noteDelivered(place.endpoint.profile, orderId, isConfirmed);
    const granted = issues.length === 0 ? '' : `, issued${isProvedByAgreement(bytes) ? ' by agreeMAC' : ''}`;
    return `${how}: ${statusOf(answered)}${granted}${protectionOf(reply.bytes)}`;
  };
  return { name: 'cmp-deep', weight: 1, make, check, isTallied: true };
}

function messageKeys(bytes: Buffer): readonly string[] {
  const message = decodePkiMessage(bytes);
  return message.ok ? [contentKey(message.value)] : [];
}

function holdersOf({ agreeing }: Encryption, { member }: World, pool: readonly PoolKey[]): readonly Certificate[] {
  return [agreeing.certificate, member.certificate, ...pool.map(({ certificate }) => certificate)];
}

/** Every reply is protected, save the one error that demands a cipher text where the profile does; one under a cipher text is under that of its request. */
function readAnswer(bytes: Buffer, sent: Buffer, { endpoint }: CmpPlace, encryption: Encryption): PkiBody {
  const message = decodePkiMessage(bytes);
  if (!message.ok) throw message.error;
  const body = decodePkiBody(message.value);
  if (!body.ok) throw body.error;
  const { cmp } = endpoint.profile.policy;
  const isDemand = body.value.type === 'error' && body.value.content.pKIStatusInfo.failInfo?.includes('wrongIntegrity') === true;
  must(message.value.protection !== undefined || (cmp.kemAnswers === 'demanded' && isDemand), 'a reply is not protected');
  if (message.value.header.protectionAlg?.oid === oids.kemBasedMac) {
    const asked = decodePkiMessage(sent);
    must(cmp.kemAnswers !== 'off' && asked.ok && isUnderCipherText(asked.value, message.value, encryption), 'a reply under another cipher text');
  }
  return body.value;
}

const protections: Readonly<Record<string, string>> = { [oids.dhBasedMac]: ' (DHBasedMac)', [oids.kemBasedMac]: ' (KemBasedMac)' };

/** What only devices that use an encryption key of the RA are answered under. */
function protectionOf(bytes: Buffer): string {
  const message = decodePkiMessage(bytes);
  const { protectionAlg } = message.ok ? message.value.header : {};
  return protectionAlg === undefined ? ' (unprotected)' : (protections[protectionAlg.oid] ?? '');
}

function isProvedByAgreement(bytes: Buffer): boolean {
  const message = decodePkiMessage(bytes);
  const body = message.ok ? decodePkiBody(message.value) : undefined;
  if (body?.ok !== true || !('messages' in body.value)) return false;
  return body.value.messages.some(({ popo }) => popo !== undefined && 'privKey' in popo && agreeMacOf(popo.privKey) !== undefined);
}

/** The type of an answer with its status and failInfo. */
function statusOf(body: PkiBody): string {
  const shown = ({ status, failInfo = [] }: { readonly status: string; readonly failInfo?: readonly string[] }) =>
    `${body.type} ${status} ${failInfo.join('+')}`.trim();
  if (body.type === 'error') return shown(body.content.pKIStatusInfo);
  if (body.type === 'genp') return `genp ${body.items.some(({ infoType }) => infoType === oids.revPassphrase) ? 'revPassphrase' : ''}`.trim();
  if (body.type === 'rp') return body.content.status.map(shown).join(', ');
  if (body.type !== 'ip' && body.type !== 'cp' && body.type !== 'kup') return body.type;
  const [first] = body.content.response;
  return first === undefined ? `${body.type} of nothing` : shown(first.status);
}
