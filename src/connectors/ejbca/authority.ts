import { type Certificate, fromPem, isSameName, parseCertificate, parseCrlHead, parseName } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { chainUpwards, readable } from '../chain-upwards.js';
import { maxCrlAnswerBytes, maxCrlBytes } from '../crl-bounds.js';
import { keepLists } from '../kept-lists.js';
import type { EjbcaClient, EjbcaOutcome } from './client.js';
import { nameSpellings } from './names.js';
import { faultOfOutcome, type Search } from './search.js';
import { elements, operation, textOf } from './soap.js';
import { caListAnswer, certificateIn, crlAnswer, readJson } from './wire.js';

/** The CA of a connector: its certificates and its revocation lists. */
export interface Authority {
  /** Issuing CA first, root last. Throws when it was never heard and cannot be had; a fresh one whenever it cannot be had now. */
  chain(age?: 'fresh'): Promise<readonly Buffer[]>;
  /** The newest CRL (DER), of 4 MiB at most; undefined where none can be had. */
  crl(): Promise<Buffer | undefined>;
  /** The newest CRL of a CA by its Name (DER). */
  crlOf(authority: Buffer): Promise<Buffer | undefined>;
  /** A chain that came with a certificate. */
  note(chain: readonly Buffer[]): void;
  /** Lists heard before tell less than there is to tell. */
  noteRevocation(): void;
}

const keptMs = 300_000;

interface Kept<T> {
  readonly value: T;
  /** Monotonic, milliseconds. */
  readonly until: number;
}

export function createAuthority(client: EjbcaClient, search: Search, caName: string, timeoutMs: number): Authority {
  let chain: Kept<readonly Buffer[]> | undefined;
  const lists = keepLists();
  const deadline = () => AbortSignal.timeout(timeoutMs);

  function note(certificates: readonly Buffer[]): void {
    if (certificates.length > 0) chain = { value: certificates, until: performance.now() + keptMs };
  }

  async function currentChain(age?: 'fresh'): Promise<readonly Buffer[]> {
    if (age !== 'fresh' && chain !== undefined && performance.now() < chain.until) return chain.value;
    const asked = await askChain(client, search, caName, deadline());
    if (asked.ok) note(asked.value);
    // An EJBCA that is away changes no CA: devices go on being told of the one they know.
    if (!asked.ok && (age === 'fresh' || chain === undefined)) throw new Error(asked.error);
    return chain?.value ?? [];
  }

  const crlNamed = (authority: Buffer, byName: string | undefined) =>
    lists.under(authority.toString('hex'), () => askCrl(client, authority, byName, deadline()));
  const own = async () => parsedIssuer(await currentChain());

  return {
    note,
    noteRevocation: lists.outdate,
    chain: currentChain,
    async crl() {
      const issuer = await own();
      return issuer === undefined ? undefined : crlNamed(issuer.subject.der, caName);
    },
    async crlOf(authority) {
      const issuer = await own().catch(() => undefined);
      const isOurs = issuer?.subject.der.equals(authority) === true;
      return crlNamed(authority, isOurs ? caName : undefined);
    },
  };
}

function parsedIssuer([issuer]: readonly Buffer[]): Certificate | undefined {
  const parsed = issuer === undefined ? undefined : parseCertificate(issuer);
  return parsed?.ok ? parsed.value : undefined;
}

/** REST where this version serves it, the web service, the public distribution point; the error tells how far each came. */
async function askChain(client: EjbcaClient, search: Search, caName: string, deadline: AbortSignal): Promise<Result<readonly Buffer[], string>> {
  const faults: string[] = [];
  for (const ask of [chainByRest, chainByWebService, chainByDistribution]) {
    const found = await ask(client, search, caName, deadline);
    const ordered = found.ok ? inOrder(found.value) : [];
    if (ordered.length > 0) return ok(ordered);
    faults.push(found.ok ? 'an answer without certificates' : found.error);
  }
  return fail(`The certificates of the CA "${caName}" cannot be had: ${faults.join(' / ')}`.slice(0, 700));
}

type AskChain = (client: EjbcaClient, search: Search, caName: string, deadline: AbortSignal) => Promise<Result<readonly Buffer[], string>>;

const chainByRest: AskChain = async (client, _search, caName, deadline) => {
  const subject = await subjectInRest(client, caName, deadline);
  if (!subject.ok) return subject;
  const path = `v1/ca/${encodeURIComponent(subject.value)}/certificate/download`;
  return pemsIn(await client.rest({ method: 'GET', path, route: 'v1/ca/*/certificate/download' }, deadline));
};

async function subjectInRest(client: EjbcaClient, caName: string, deadline: AbortSignal): Promise<Result<string, string>> {
  const answer = await client.rest({ method: 'GET', path: 'v1/ca' }, deadline);
  const list = answer.kind === 'answered' && answer.status === 200 ? readJson(caListAnswer, answer.body) : undefined;
  if (list === undefined) return fail(faultOfOutcome(answer).reason);
  const ca = list.certificate_authorities.find(({ name }) => name === caName);
  return ca === undefined ? fail(`EJBCA shows our role no CA "${caName}".`) : ok(ca.subject_dn);
}

const chainByWebService: AskChain = async (client, _search, caName, deadline) => {
  const answer = await client.soap('getLastCAChain', operation('getLastCAChain', caName), deadline);
  const text = answer.kind === 'answered' && answer.status === 200 ? answer.body.toString('utf8') : '';
  if (!text.includes('getLastCAChainResponse')) return fail(faultOfOutcome(answer).reason);
  const items = elements(text, 'return').map((item) => certificateIn(textOf(item, 'certificateData') ?? ''));
  return ok(items.filter((der) => der !== undefined));
};

/** The distribution point knows CAs by their names only, which any certificate of the CA tells. */
const chainByDistribution: AskChain = async (client, search, caName, deadline) => {
  const any = await search.anyOf(caName, deadline);
  if (!any.ok) return fail(any.error.reason);
  if (any.value?.issuerDn === undefined) return fail('no certificate of the CA is there to tell its name');
  return pemsIn(await client.distributed({ cmd: 'cachain', issuer: any.value.issuerDn, format: 'pem' }, deadline));
};

function pemsIn(answer: EjbcaOutcome): Result<readonly Buffer[], string> {
  if (answer.kind !== 'answered' || answer.status !== 200) return fail(faultOfOutcome(answer).reason);
  return ok(fromPem('CERTIFICATE', answer.body.toString('latin1')));
}

/** From whichever end EJBCA began: the issuing CA is the one that certifies none of the others. */
function inOrder(certificates: readonly Buffer[]): readonly Buffer[] {
  const all = readable(certificates);
  const isIssuer = (item: Certificate): boolean => all.some((other) => other !== item && isSameName(other.issuer, item.subject));
  return chainUpwards(
    all.find((item) => !isIssuer(item)),
    all,
  );
}

/** The same three ways; a list that is another CA's is none. */
async function askCrl(client: EjbcaClient, authority: Buffer, caName: string | undefined, deadline: AbortSignal): Promise<Buffer | undefined> {
  const name = parseName(authority);
  if (!name.ok) return undefined;
  const isOf = (der: Buffer | undefined): der is Buffer => {
    const crl = der === undefined || der.length > maxCrlBytes ? undefined : parseCrlHead(der);
    return crl?.ok === true && isSameName(crl.value.issuer, name.value);
  };
  const spellings = nameSpellings(name.value);
  for (const spelling of spellings) {
    const path = `v1/ca/${encodeURIComponent(spelling)}/getLatestCrl`;
    const answer = await client.rest({ method: 'GET', path, route: 'v1/ca/*/getLatestCrl', maxAnswerBytes: maxCrlAnswerBytes }, deadline);
    const read = answer.kind === 'answered' && answer.status === 200 ? readJson(crlAnswer, answer.body) : undefined;
    const der = read === undefined ? undefined : Buffer.from(read.crl, 'base64');
    if (isOf(der)) return der;
  }
  const byName = caName === undefined ? undefined : await crlByWebService(client, caName, deadline);
  if (isOf(byName)) return byName;
  for (const spelling of spellings) {
    const answer = await client.distributed({ cmd: 'crl', issuer: spelling }, deadline, maxCrlBytes);
    const der = answer.kind === 'answered' && answer.status === 200 ? answer.body : undefined;
    if (isOf(der)) return der;
  }
  return undefined;
}

async function crlByWebService(client: EjbcaClient, caName: string, deadline: AbortSignal): Promise<Buffer | undefined> {
  const answer = await client.soap('getLatestCRL', operation('getLatestCRL', caName, 'false'), deadline, maxCrlAnswerBytes);
  const text = answer.kind === 'answered' && answer.status === 200 ? answer.body.toString('utf8') : '';
  const content = text.includes('getLatestCRLResponse') ? textOf(text, 'return') : undefined;
  return content === undefined ? undefined : Buffer.from(content, 'base64');
}
