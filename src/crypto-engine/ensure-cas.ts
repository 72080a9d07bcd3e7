import { type CaKeyType, createIssuing, createRoot, issuingId, rootId } from './create-cas.js';
import { type LoadedCa, loadCa, type PointerUrls } from './loaded-ca.js';
import type { EngineCa, EngineStore, NewEngineCa } from './ports.js';

export interface CaSettings extends PointerUrls {
  readonly store: EngineStore;
  readonly keyType: CaKeyType;
  readonly now: () => Date;
}

/** A CA with its key, and its place in the succession. */
export interface StandingCa {
  readonly ca: EngineCa;
  readonly loaded: LoadedCa;
}

export interface LoadedCas {
  readonly root: StandingCa;
  readonly issuing: StandingCa;
  readonly next: StandingCa | undefined;
  /** Issuing CAs of before; the youngest first. */
  readonly retired: readonly StandingCa[];
}

/**
 * Root first, then the issuing CA under the root *that stands in the store*. Each is added once: whoever comes second reads
 * the first one's, so two processes that start at once end with one set, and a start that was cut off resumes where it ended.
 */
export async function ensureCas(settings: CaSettings): Promise<LoadedCas> {
  const { store, keyType, publicBaseUrl, now } = settings;
  const root = await findOrAdd(store, rootId, () => createRoot(keyType, now()));
  const loadedRoot = loadCa(root, settings);
  await findOrAdd(store, issuingId, () => createIssuing(keyType, loadedRoot, publicBaseUrl, now()));
  return loadCas(await store.listCas(), settings);
}

/** The CAs as they stand in the store. `before`: those of an earlier reading, whose keys need not be imported again. */
export function loadCas(all: readonly EngineCa[], urls: PointerUrls, before: readonly StandingCa[] = []): LoadedCas {
  const standing = all.map((ca): StandingCa => {
    const known = before.find((item) => item.ca.certificate.equals(ca.certificate));
    return { ca, loaded: known?.loaded ?? loadCa(ca, urls) };
  });
  const root = standing.find(({ ca }) => ca.id === rootId);
  const others = standing.filter((item) => item !== root).sort((left, right) => right.ca.createdAt.getTime() - left.ca.createdAt.getTime());
  const issuing = others.find(({ ca }) => ca.state === 'active');
  if (root === undefined || issuing === undefined) throw new Error('The store lacks the root or the issuing CA of the embedded engine.');
  const next = others.find(({ ca }) => ca.state === 'next');
  return { root, issuing, next, retired: others.filter((item) => item !== issuing && item !== next) };
}

async function findOrAdd(store: EngineStore, id: string, create: () => Promise<NewEngineCa>): Promise<EngineCa> {
  const present = await find(store, id);
  if (present !== undefined) return present;
  const created = await create();
  const failure = await store.addCa(created).then(
    () => undefined,
    (error: unknown) => error,
  );
  const standing = await find(store, id);
  if (standing !== undefined) return standing;
  throw failure ?? new Error(`The CA "${id}" was added but does not stand in the store.`);
}

async function find(store: EngineStore, id: string): Promise<EngineCa | undefined> {
  return (await store.listCas()).find((ca) => ca.id === id);
}
