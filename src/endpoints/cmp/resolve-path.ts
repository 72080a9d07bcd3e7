import type { CmpEndpoint, EndpointDirectory } from '../../tenancy/directory.js';
import { isOperationLabel, type OperationLabel } from './operation-label.js';
import type { ChooseProfile } from './profile-choice.js';

export interface ResolvedPath {
  readonly endpoint: CmpEndpoint;
  readonly label?: OperationLabel;
  /** Set where the path names no profile. */
  readonly chooseProfile?: ChooseProfile;
}

/**
 * The endpoint behind a path: `/cmp/<endpointPath>[/<label>]`, `/.well-known/cmp/p/<endpointPath>[/<label>]`,
 * `/.well-known/cmp[/<label>]` (RFC 9811 section 3.4), or a legacy path of a profile. Undefined for anything else.
 */
export function resolvePath(path: string, directory: EndpointDirectory): ResolvedPath | undefined {
  return resolveStandard(path, directory) ?? resolveLegacy(path, directory);
}

function resolveStandard(path: string, directory: EndpointDirectory): ResolvedPath | undefined {
  const segments = path.split('/').slice(1);
  const [first = '', second] = segments;
  if (first === 'cmp') return named(segments[1], segments.slice(2), directory);
  if (first !== '.well-known' || second !== 'cmp') return undefined;
  if (segments[2] === 'p') return named(segments[3], segments.slice(4), directory);
  const endpoint = directory.defaultCmp();
  const resolved = endpoint && withLabel(endpoint, segments.slice(2));
  return resolved && { ...resolved, chooseProfile: (name) => directory.cmp(name) };
}

function named(name: string | undefined, rest: readonly string[], directory: EndpointDirectory): ResolvedPath | undefined {
  const endpoint = name === undefined ? undefined : directory.cmp(name);
  return endpoint && withLabel(endpoint, rest);
}

function withLabel(endpoint: CmpEndpoint, rest: readonly string[]): ResolvedPath | undefined {
  const [label = '', ...further] = rest;
  if (further.length > 0) return undefined;
  if (label === '') return { endpoint };
  return isOperationLabel(label) ? { endpoint, label } : undefined;
}

/** A path that devices were given by another server. */
function resolveLegacy(path: string, directory: EndpointDirectory): ResolvedPath | undefined {
  const endpointPath = directory.legacy('cmp', path);
  const endpoint = endpointPath === undefined ? undefined : directory.cmp(endpointPath);
  return endpoint && { endpoint };
}
