import { type CaKeyType, createIssuing, createRoot, issuingId, rootId } from './create-cas.js';
import { type LoadedCa, loadCa } from './loaded-ca.js';
import type { EngineCa, EngineStore } from './ports.js';

export interface CaSettings {
  readonly store: EngineStore;
  readonly keyType: CaKeyType;
  readonly publicBaseUrl: string;
  readonly now: () => Date;
}

export interface LoadedCas {
  readonly root: LoadedCa;
  readonly issuing: LoadedCa;
}

/**
 * Root first, then the issuing CA under the root *that stands in the store*. Each is added once: whoever comes second reads
 * the first one's, so two processes that start at once end with one set, and a start that was cut off resumes where it ended.
 */
export async function ensureCas(settings: CaSettings): Promise<LoadedCas> {
  const { store, keyType, publicBaseUrl, now } = settings;
  const root = await findOrAdd(store, rootId, () => createRoot(keyType, now()));
  const loadedRoot = loadCa(root, publicBaseUrl);
  const issuing = await findOrAdd(store, issuingId, () => createIssuing(keyType, loadedRoot, publicBaseUrl, now()));
  return { root: loadedRoot, issuing: loadCa(issuing, publicBaseUrl) };
}

async function findOrAdd(store: EngineStore, id: string, create: () => Promise<Omit<EngineCa, 'createdAt'>>): Promise<EngineCa> {
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
