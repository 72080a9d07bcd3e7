import type { Log } from '../runtime/log.js';
import type { CmpEndpoint, EndpointDirectory, ScepEndpoint } from './directory.js';
import type { Protocol } from './profile.js';

/** One reading of all endpoints; replaced whole, so that every look-up sees one moment. */
export interface EndpointMaps {
  readonly scep: ReadonlyMap<string, ScepEndpoint>;
  readonly cmp: ReadonlyMap<string, CmpEndpoint>;
  readonly defaultCmp: CmpEndpoint | undefined;
  /** Keys as `legacyKey` and, for any case, `legacyKey` of the lower-case path. */
  readonly legacy: ReadonlyMap<string, string>;
  readonly legacyAnyCase: ReadonlyMap<string, string>;
}

const legacyKey = (protocol: Protocol, path: string): string => `${protocol} ${path}`;

/** `endpoints` in order of creation: where two profiles claim one legacy path, the older one keeps it. */
export function buildMaps(scep: readonly ScepEndpoint[], cmp: readonly CmpEndpoint[], log: Log): EndpointMaps {
  const legacy = new Map<string, string>();
  const legacyAnyCase = new Map<string, string>();
  for (const { profile } of [...scep, ...cmp]) {
    for (const path of profile.legacyPaths) {
      const key = legacyKey(profile.protocol, path);
      if (legacy.has(key)) log.warn({ path, profileId: profile.id }, 'The legacy path is taken by an older profile.');
      else legacy.set(key, profile.endpointPath);
      const anyCase = key.toLowerCase();
      if (!legacyAnyCase.has(anyCase)) legacyAnyCase.set(anyCase, profile.endpointPath);
    }
  }
  return {
    scep: new Map(scep.map((endpoint) => [endpoint.profile.endpointPath, endpoint])),
    cmp: new Map(cmp.map((endpoint) => [endpoint.profile.endpointPath, endpoint])),
    defaultCmp: cmp.find((endpoint) => endpoint.profile.isDefault),
    legacy,
    legacyAnyCase,
  };
}

/** The directory over whatever maps are current. `ignoreCase`: a legacy path also matches in another case, after the exact ones. */
export function directoryOver(current: () => EndpointMaps, ignoreCase: boolean): EndpointDirectory {
  return {
    scep: (endpointPath) => current().scep.get(endpointPath),
    cmp: (endpointPath) => current().cmp.get(endpointPath),
    defaultCmp: () => current().defaultCmp,
    legacy(protocol, path) {
      const key = legacyKey(protocol, path);
      return current().legacy.get(key) ?? (ignoreCase ? current().legacyAnyCase.get(key.toLowerCase()) : undefined);
    },
  };
}
